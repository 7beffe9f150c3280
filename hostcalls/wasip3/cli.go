package wasip3

import (
	"errors"
	"io"
	"strings"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/stdio"
	"github.com/reactord/reactord/hostcalls/wasi"
)

func cliEnvironment() component.Interface {
	return component.Interface{
		Name: "wasi:cli/environment", Version: version,
		Functions: []component.Function{
			function("get-environment", "func() -> list<tuple<string, string>>", func(c call) {
				list := c.Results.List(len(c.Environment))
				for _, variable := range c.Environment {
					c.Charge(wasi.StringCost)
					name, value, _ := strings.Cut(variable, "=")
					pair := list.Record()
					pair.String(name)
					pair.String(value)
				}
			}),
			function("get-arguments", "func() -> list<string>", func(c call) {
				list := c.Results.List(len(c.Arguments))
				for _, arg := range c.Arguments {
					c.Charge(wasi.StringCost)
					list.String(arg)
				}
			}),
			// There is no current folder: paths are relative to preopens.
			function("get-initial-cwd", "func() -> option<string>", func(c call) { c.Results.None() }),
		},
	}
}

func cliExit() component.Interface {
	return component.Interface{
		Name: "wasi:cli/exit", Version: version,
		Functions: []component.Function{
			function("exit", "func(status: result)", func(c call) {
				if c.Args.OK() {
					c.Exit(0)
				}
				c.Exit(1)
			}),
			function("exit-with-code", "func(status-code: u8)", func(c call) { c.Exit(uint32(c.Args.U8())) }),
		},
	}
}

func cliTypes() component.Interface {
	return component.Interface{Name: "wasi:cli/types", Version: version, Types: `enum error-code { io, illegal-byte-sequence, pipe }`}
}

const useCLITypes = `use wasi:cli/types.{error-code};`

func cliStdin() component.Interface {
	return component.Interface{
		Name: "wasi:cli/stdin", Version: version, Types: useCLITypes,
		Functions: []component.Function{
			function("read-via-stream", "func() -> tuple<stream<u8>, future<result<_, error-code>>>", func(c call) {
				s := &standardInput{outcome: c.outcomeOfStream(putCLICode)}
				s.end = s.produce(c, s, nil)
			}),
		},
	}
}

func cliStdout() component.Interface {
	return standardOutputInterface(hostcalls.Stdout, func(h *host) *stdio.Out { return &h.Stdout })
}

func cliStderr() component.Interface {
	return standardOutputInterface(hostcalls.Stderr, func(h *host) *stdio.Out { return &h.Stderr })
}

func standardOutputInterface(name string, of func(*host) *stdio.Out) component.Interface {
	return component.Interface{
		Name: "wasi:cli/" + name, Version: version, Types: useCLITypes,
		Functions: []component.Function{
			function("write-via-stream", "func(data: stream<u8>) -> future<result<_, error-code>>", func(c call) {
				s := &standardOutput{outcome: c.outcomeOfStream(putCLICode), name: name, to: of(c.host)}
				s.end = s.consume(c, c.Args.Stream(), s, nil)
			}),
		},
	}
}

// putCLICode writes an error-code of wasi:cli/types.
func putCLICode(w *cabi.Writer, err error) {
	const (
		codeIO = iota
		_
		codePipe
	)
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		w.Enum(codePipe)
		return
	}
	w.Enum(codeIO)
}

// standardInput is a stream of the standard input, of which there may be several.
type standardInput struct {
	*outcome
	end *component.HostEnd
}

var (
	_ component.Producer = (*standardInput)(nil)
	_ component.Readier  = (*standardInput)(nil)
)

// Ready implements component.Readier.
func (s *standardInput) Ready() bool {
	from := &s.host.Stdin
	return ready(s.end, from, from.Op(), &from.Waiting)
}

// Produce implements component.Producer.
func (s *standardInput) Produce(to *component.Items) (more bool) {
	c, from := to.Call(), &s.host.Stdin
	c.Charge(wasi.StreamCost)
	n, err := from.Read(to.Bytes())
	c.Charge(wasi.CopyCost(n))
	to.Moved(n)
	switch {
	case n > 0:
		return true // the next read meets an error
	case errors.Is(err, io.EOF):
		s.resolve(nil)
		return false
	case err == nil || errors.Is(err, hostcalls.ErrWouldBlock):
		s.end.Await(since(from.Op(), &from.Waiting), from)
		return true
	}
	s.host.Refused().Stream(c.Waits(), from.Source)
	s.resolve(err)
	return false
}

// Stop implements component.Producer.
func (s *standardInput) Stop() {
	s.resolve(nil)
	s.release()
}

// standardOutput is a stream that is written to the standard output or error.
type standardOutput struct {
	*outcome
	name string
	to   *stdio.Out
	end  *component.HostEnd
}

var (
	_ component.Consumer = (*standardOutput)(nil)
	_ component.Readier  = (*standardOutput)(nil)
)

// Ready implements component.Readier.
func (s *standardOutput) Ready() bool { return ready(s.end, s.to, s.to.Op(s.name), &s.to.Waiting) }

// Consume implements component.Consumer. A component that goes on although it knows that nobody reads any more ends.
func (s *standardOutput) Consume(from *component.Items) (more bool) {
	c := from.Call()
	c.Charge(wasi.StreamCost)
	if s.to.Broken() {
		c.Exit(stdio.BrokenExit)
	}
	bytes := from.Bytes()
	n, err := s.to.Write(bytes[:min(len(bytes), wasi.MaxPiece)])
	c.Charge(wasi.CopyCost(n))
	from.Moved(n)
	switch {
	case err == nil && n > 0:
		return true
	case err == nil || errors.Is(err, hostcalls.ErrWouldBlock):
		s.end.Await(since(s.to.Op(s.name), &s.to.Waiting), s.to)
		return true
	}
	s.host.Refused().Stream(c.Waits(), s.to.Sink)
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		s.to.Break()
	}
	s.resolve(err)
	return false
}

// Stop implements component.Consumer.
func (s *standardOutput) Stop(bool) {
	s.resolve(nil)
	s.release()
}

// No standard stream is a terminal: programs would draw on what goes to a log. So there never is a handle of a terminal.

func terminal(name string) component.Interface {
	return component.Interface{
		Name: "wasi:cli/" + name, Version: version,
		Types:     "resource " + name + ";",
		Resources: []component.Resource{{Name: name, Drop: func(*component.Call, uint32) {}}},
	}
}

func noTerminal(name, of string) component.Interface {
	return component.Interface{
		Name: "wasi:cli/" + name, Version: version,
		Types: "use wasi:cli/" + of + ".{" + of + "};",
		Functions: []component.Function{
			function("get-"+name, "func() -> option<"+of+">", func(c call) { c.Results.None() }),
		},
	}
}
