package errs

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
)

func TestClass(t *testing.T) {
	for c := InvalidArgument; int(c) < len(classNames); c++ {
		if c.String() == "" || strings.Contains(c.String(), "(") {
			t.Errorf("class %d has no name", c)
		}
	}
	for _, c := range []Class{0, -1, Class(len(classNames))} {
		if want := fmt.Sprintf("Class(%d)", int(c)); c.String() != want {
			t.Errorf("%q, want %q", c, want)
		}
	}
	for _, tc := range []struct {
		err  error
		want Class
	}{
		{New(QueueFull, "full"), QueueFull},
		{fmt.Errorf("submit: %w", New(QueueFull, "full")), QueueFull},
		{errors.Join(io.EOF, Module(ModuleInUse, "x", "busy")), ModuleInUse},
		{io.EOF, Internal},
	} {
		if got := ClassOf(tc.err); got != tc.want {
			t.Errorf("ClassOf(%v) = %v, want %v", tc.err, got, tc.want)
		}
	}
}

func TestInvalid(t *testing.T) {
	if err := Invalid(); err != nil {
		t.Errorf("Invalid of no field is %v", err)
	}
	var fields []Field
	for i := range maxNamed + 2 {
		fields = append(fields, Field{fmt.Sprint("f", i), "is wrong"})
	}
	err := Invalid(fields...)
	if !strings.HasPrefix(err.Error(), "f0: is wrong; f1: is wrong") || !strings.HasSuffix(err.Error(), "f4: is wrong; and 2 more") {
		t.Errorf("message %q", err)
	}
	if e, _ := errors.AsType[*Error](err); len(e.Fields) != maxNamed+2 {
		t.Errorf("%d fields", len(e.Fields))
	}
}

func TestWrap(t *testing.T) {
	if Wrap(nil, "x") != nil {
		t.Error("Wrap(nil) is an error")
	}
	e := Workload(WorkloadExists, "w", "taken")
	if got := Wrap(fmt.Errorf("submit: %w", e), "store"); got != error(e) {
		t.Errorf("Wrap of an *Error is %v", got)
	}
	got := Wrap(io.ErrUnexpectedEOF, "read %s", "it")
	if ClassOf(got) != Internal || got.Error() != "read it: unexpected EOF" || !errors.Is(got, io.ErrUnexpectedEOF) {
		t.Errorf("Wrap = %#v", got)
	}
}
