package wasip2

import (
	"errors"
	"syscall"

	"github.com/reactord/reactord/hostcalls/wasi"
)

// sockDone writes the result of an operation on sockets that has no value.
func (c call) sockDone(err error) {
	if !c.sockFailed(err) {
		c.Results.OK()
	}
}

// sockFailed writes an error, if there is one, as the result of an operation on sockets.
func (c call) sockFailed(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		c.Handles.Shortage()
	}
	c.Results.Err()
	c.Results.Enum(int(wasi.SocketCodeOf(err)))
	return true
}
