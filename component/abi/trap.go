package abi

import (
	"errors"
	"fmt"
)

// Trap means that a guest broke the rules of the canonical ABI.
type Trap struct {
	Path string // of the value: "points[3].x"; empty if it is none in particular
	Msg  string
}

func (t *Trap) Error() string {
	if t.Path == "" {
		return t.Msg
	}
	return t.Path + ": " + t.Msg
}

func trapf(format string, args ...any) *Trap { return &Trap{Msg: fmt.Sprintf(format, args...)} }

// MisuseError means that host code does not fit the type of its function: a fault of the host.
type MisuseError struct{ Msg string }

func (e *MisuseError) Error() string { return e.Msg }

func misuse(format string, args ...any) *MisuseError {
	return &MisuseError{Msg: fmt.Sprintf(format, args...)}
}

// inField and inElement say where in a value a trap was met.
func inField(err error, name string) error {
	if err == nil {
		return nil
	}
	var trap *Trap
	if !errors.As(err, &trap) {
		return err
	}
	switch {
	case name == "" || trap.Path == "":
		trap.Path = name + trap.Path
	case trap.Path[0] == '[':
		trap.Path = name + trap.Path
	default:
		trap.Path = name + "." + trap.Path
	}
	return err
}

func inElement(err error, i int) error {
	return inField(err, fmt.Sprintf("[%d]", i))
}
