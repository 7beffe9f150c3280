package wasip2

import (
	"errors"
	"syscall"

	"github.com/reactord/reactord/hostcalls/component"
)

func ioError() component.Interface {
	return component.Interface{
		Name: "wasi:io/error", Version: version,
		Types: `resource error;`,
		Functions: []component.Function{
			function("[method]error.to-debug-string", "func(self: borrow<error>) -> string", func(c call) {
				c.Results.String(c.errors.Get(c.Args.Borrow()).text())
			}),
		},
		Resources: []component.Resource{
			resource("error", func(h *host) *component.Objects[*streamError] { return &h.errors }),
		},
	}
}

// streamError is why an operation on a stream has failed.
type streamError struct {
	component.Object
	err              error
	ofFile, ofSocket bool // which interface has a code for it
}

// Drop implements component.Dropper.
func (*streamError) Drop() {}

// text tells the error. The component learns nothing of the host beyond it.
func (e *streamError) text() string {
	if code, ok := errors.AsType[syscall.Errno](e.err); ok {
		return code.Error()
	}
	if text := textOf(e.err); text != "" {
		return text
	}
	return syscall.EIO.Error()
}
