package engine

import (
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
)

// TrapCode says why a guest trapped.
type TrapCode int

// The codes name the conditions of the WebAssembly core specification, section 4 (Execution).
// InvalidTableAccess covers three of them, which wazero does not distinguish: an index beyond the table, a
// null element, and bulk table operations out of bounds.
const (
	UnknownTrap TrapCode = iota
	Unreachable
	MemoryOutOfBounds
	InvalidTableAccess
	IndirectCallMismatch
	IntegerDivideByZero
	IntegerOverflow
	InvalidConversion
	NullReference
	UncaughtException
	StackOverflow
)

// trapTexts are wazero's messages, the only exported part of its errors. A test provokes each trap that valid
// modules can cause.
var trapTexts = [...]string{
	UnknownTrap:          "unknown trap",
	Unreachable:          "unreachable",
	MemoryOutOfBounds:    "out of bounds memory access",
	InvalidTableAccess:   "invalid table access",
	IndirectCallMismatch: "indirect call type mismatch",
	IntegerDivideByZero:  "integer divide by zero",
	IntegerOverflow:      "integer overflow",
	InvalidConversion:    "invalid conversion to integer",
	NullReference:        "null reference",
	UncaughtException:    "uncaught exception",
	StackOverflow:        "stack overflow",
}

func (c TrapCode) String() string {
	if c < 0 || int(c) >= len(trapTexts) {
		c = UnknownTrap
	}
	return trapTexts[c]
}

func trapCodeOf(text string) TrapCode {
	for code, t := range trapTexts {
		if t == text {
			return TrapCode(code)
		}
	}
	return UnknownTrap
}

// Trap is the end of a guest that did what WebAssembly forbids.
type Trap struct {
	Code    TrapCode
	Message string  // one line
	Frames  []Frame // innermost first
	More    bool    // there were more frames than these
}

// Error returns the message, followed by the guest's stack on further lines.
func (t *Trap) Error() string {
	var b strings.Builder
	b.WriteString(t.Message)
	writeFrames(&b, t.Frames)
	if t.More {
		b.WriteString("\n    ...")
	}
	return b.String()
}

// InternalError is a fault of the host, not of the guest: a panic in a host function, or in the code that
// runs guests. The guest has ended.
type InternalError struct {
	Err    error   // its text has the Go stack, if a Go runtime error was the cause
	Frames []Frame // of the guest, innermost first
}

// Error returns the first line of the cause, followed by the guest's stack.
func (e *InternalError) Error() string {
	var b strings.Builder
	line, _, _ := strings.Cut(e.Err.Error(), "\n")
	b.WriteString("internal error: ")
	b.WriteString(line)
	writeFrames(&b, e.Frames)
	return b.String()
}

func (e *InternalError) Unwrap() error { return e.Err }

// abort carries an error through wazero, which recovers panics in host functions and wraps those that are
// errors.
type abort struct{ err error }

func (a *abort) Error() string { return a.err.Error() }

// Abort ends the guest from within a host function: the current Call returns err. Abort does not return. It is not part of its
// callers' frames, which are on the stack while a guest waits.
//
//go:noinline
func Abort(err error) { panic(&abort{err}) }

// Protect calls f, which is part of a guest, from the host, and returns its error, or the one that it passes to Abort.
func Protect(f func() error) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	return f()
}

// recovered turns a recovered panic into an error.
func recovered(v any, stack []byte) error {
	if a, ok := v.(*abort); ok {
		return a.err
	}
	if err, ok := v.(error); ok {
		return &InternalError{Err: fmt.Errorf("%w\n%s", err, stack)}
	}
	return &InternalError{Err: fmt.Errorf("panic: %v\n%s", v, stack)}
}

// outcome translates an error that wazero returned from guest code to the error that was
// passed to Abort, a *Trap, or an *InternalError.
func outcome(err error, names namer) error {
	if a, ok := errors.AsType[*abort](err); ok {
		if errors.Is(a.err, errStackOverflow) {
			return newTrap(StackOverflow, err, names)
		}
		if trap, ok := errors.AsType[*Trap](a.err); ok {
			trap.addCallers(err, names)
		}
		return a.err
	}
	text := err.Error()
	switch cause := errors.Unwrap(err); {
	case strings.HasPrefix(text, "wasm error: ") && cause != nil:
		return newTrap(trapCodeOf(cause.Error()), err, names)
	case text == StackOverflow.String():
		return newTrap(StackOverflow, err, names) // wazero's own limit; the pass's is far lower
	}
	frames, _ := parseTrace(err.Error(), names)
	return &InternalError{Err: err, Frames: frames}
}

// addCallers adds the frames of a call whose host function was told of the trap of another call, and passed it on.
func (t *Trap) addCallers(err error, names namer) {
	const most = 100
	frames, more := parseTrace(err.Error(), names)
	room := min(len(frames), max(0, most-len(t.Frames)))
	t.Frames = append(t.Frames, frames[:room]...)
	t.More = t.More || more || room < len(frames)
}

func newTrap(code TrapCode, err error, names namer) *Trap {
	frames, more := parseTrace(err.Error(), names)
	t := &Trap{Code: code, Message: code.String(), Frames: frames, More: more}
	if cause := errors.Unwrap(err); code == UnknownTrap && cause != nil {
		t.Message = cause.Error()
	}
	return t
}
