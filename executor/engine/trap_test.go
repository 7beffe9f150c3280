package engine

import (
	"errors"
	"slices"
	"testing"
)

func TestTraps(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "traps")
	for _, tt := range []struct {
		export string
		code   TrapCode
	}{
		{"unreachable", Unreachable},
		{"memory", MemoryOutOfBounds},
		{"memory_fill", MemoryOutOfBounds},
		{"table_index", InvalidTableAccess},
		{"table_null", InvalidTableAccess},
		{"table_get", InvalidTableAccess},
		{"indirect_type", IndirectCallMismatch},
		{"divide", IntegerDivideByZero},
		{"remainder", IntegerDivideByZero},
		{"overflow", IntegerOverflow},
		{"convert_range", IntegerOverflow},
		{"convert_nan", InvalidConversion},
		{"deep", StackOverflow},
	} {
		t.Run(tt.export, func(t *testing.T) {
			i := start(t, m, &guest{}, InstanceConfig{})
			_, err := i.Call(tt.export)
			trap, ok := errors.AsType[*Trap](err)
			if !ok {
				t.Fatalf("error %T %v, want a trap", err, err)
			}
			if trap.Code != tt.code || trap.Message != tt.code.String() {
				t.Errorf("code %v, message %q, want %v", trap.Code, trap.Message, tt.code)
			}
			if len(trap.Frames) == 0 {
				t.Error("no frames")
			}
			if _, err := i.Call("unreachable"); err != errEnded {
				t.Errorf("a call after the trap: %v", err)
			}
		})
	}
}

func TestTrapTellsTheStack(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "traps"), &guest{}, InstanceConfig{})
	_, err := i.Call("unreachable")
	trap, ok := errors.AsType[*Trap](err)
	if !ok {
		t.Fatalf("error %v", err)
	}
	var names []string
	for _, f := range trap.Frames {
		names = append(names, f.Function)
	}
	// The last has no name, but is exported by one.
	if want := []string{"inner", "outer", "unreachable"}; !slices.Equal(names, want) {
		t.Errorf("frames %q, want %q", names, want)
	}
	if want := "unreachable\n    at inner\n    at outer\n    at unreachable"; err.Error() != want {
		t.Errorf("text %q, want %q", err.Error(), want)
	}
}

func TestDeepTraceIsCut(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "traps"), &guest{}, InstanceConfig{})
	_, err := i.Call("deep")
	trap, ok := errors.AsType[*Trap](err)
	if !ok || !trap.More || len(trap.Frames) == 0 || trap.Frames[0].Function != "deep" {
		t.Errorf("error %v", err)
	}
}
