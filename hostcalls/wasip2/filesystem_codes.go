package wasip2

import (
	"errors"
	"io"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// done writes the result of an operation on files that has no value.
func (c call) done(err error) {
	if !c.fsFailed(err) {
		c.Results.OK()
	}
}

// fsFailed writes an error, if there is one, as the result of an operation on files.
func (c call) fsFailed(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		c.Handles.Shortage()
	}
	c.Results.Err()
	c.Results.Enum(int(wasi.FileCodeOf(err)))
	return true
}

// isEOF reports whether a stream has ended.
func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// textOf says what an error means that is none of the system's, if the component may know; otherwise nothing.
func textOf(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{vfs.ErrEscapes, "the path leads out of the folder"},
		{network.ErrRevoked, "the grant was revoked"},
		{network.ErrQuota, "more bytes than the workload may send or receive"},
		{network.ErrClosed, "the socket is closed"},
		{hostcalls.ErrBrokenPipe, "the reader has gone"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return ""
}
