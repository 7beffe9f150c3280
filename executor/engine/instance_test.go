package engine

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor/engine/memory"
)

const page = memory.PageBytes

func TestHostIsTheContext(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	for _, want := range []uint32{3, 4} {
		g := &guest{call: func(_ *guest, arg uint32) uint32 { return arg * want }}
		i := start(t, m, g, InstanceConfig{})
		if g.Instance() != i {
			t.Error("the host is not bound to its instance")
		}
		if got := call(t, i, "call", 10); got != uint64(10*want) {
			t.Errorf("got %d, want %d", got, 10*want)
		}
		if _, err := m.Instantiate(InstanceConfig{Host: g}); err != errBound {
			t.Errorf("a second instance for one host: %v", err)
		}
		i.Close()
		i.Close()
		if g.Instance() != nil {
			t.Error("the host is still bound after Close")
		}
		if _, err := i.Call("call", 1); err == nil {
			t.Error("a closed instance could be called")
		}
	}
}

func TestInstancesAreSeparate(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	a, b := start(t, m, &guest{}, InstanceConfig{}), start(t, m, &guest{}, InstanceConfig{})
	call(t, a, "store", 8, 1)
	call(t, a, "next")
	if got := call(t, a, "next"); got != 2 {
		t.Errorf("second call counts %d", got)
	}
	if got := call(t, b, "next"); got != 1 {
		t.Errorf("another instance counts %d", got)
	}
	if got := call(t, b, "load", 8); got != 0x61746164 { // "data"
		t.Errorf("another instance reads %#x", got)
	}
}

func TestAbort(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "guest"), &guest{call: func(*guest, uint32) uint32 {
		Abort(io.ErrShortWrite)
		return 0
	}}, InstanceConfig{})
	if _, err := i.Call("call", 1); err != io.ErrShortWrite {
		t.Errorf("error %v", err)
	}
}

func TestHostPanicsEndTheGuestOnly(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	cause := errors.New("the cause")
	for name, fault := range map[string]func(*guest, uint32) uint32{
		"runtime error": func(_ *guest, arg uint32) uint32 { return []uint32{}[arg] },
		"nil pointer":   func(*guest, uint32) uint32 { var none *uint32; return *none }, //nolint:govet // the fault to provoke
		"error":         func(*guest, uint32) uint32 { panic(cause) },
		"value":         func(*guest, uint32) uint32 { panic("whoops") },
	} {
		t.Run(name, func(t *testing.T) {
			bystander := start(t, m, &guest{}, InstanceConfig{})
			i := start(t, m, &guest{call: fault}, InstanceConfig{})
			_, err := i.Call("call", 1)
			internal, ok := errors.AsType[*InternalError](err)
			if !ok {
				t.Fatalf("error %T %v", err, err)
			}
			if name == "error" && !errors.Is(err, cause) {
				t.Errorf("the cause is not in %v", err)
			}
			if name == "runtime error" && !strings.Contains(internal.Err.Error(), "instance_test.go") {
				t.Errorf("no Go stack in %v", internal.Err)
			}
			if len(internal.Frames) != 2 || internal.Frames[1].Function != "call" {
				t.Errorf("frames %v", internal.Frames)
			}
			if got := call(t, bystander, "next"); got != 1 {
				t.Errorf("a bystander counts %d", got)
			}
		})
	}
}

func TestFuel(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	g := &guest{quantum: 10_000}
	i := start(t, m, g, InstanceConfig{})
	const rounds = 100_000
	if got := call(t, i, "count", rounds); got != rounds {
		t.Errorf("counted %d", got)
	}
	// A round is some six instructions.
	if burnt := int64(g.preempts)*g.quantum + i.Burnt(); burnt < 4*rounds || burnt > 12*rounds {
		t.Errorf("%d units burnt in %d rounds", burnt, rounds)
	}
	i.Refill(500)
	if i.Burnt() != 0 {
		t.Errorf("%d burnt right after Refill", i.Burnt())
	}
}

func TestPreemptEndsASpinningGuest(t *testing.T) {
	e := newEngine(t, Config{})
	g := &guest{}
	g.preempt = func() error {
		if g.preempts > 3 {
			return io.ErrNoProgress
		}
		return nil
	}
	i := start(t, load(t, e, "guest"), g, InstanceConfig{})
	if _, err := i.Call("spin"); err != io.ErrNoProgress {
		t.Errorf("error %v", err)
	}
	if g.preempts != 4 {
		t.Errorf("preempted %d times, want 4", g.preempts)
	}
}

func TestStart(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "start")
	var seen *Instance
	g := &guest{quantum: 1000, call: func(g *guest, arg uint32) uint32 {
		seen = g.Instance()
		return arg + 1
	}}
	i := start(t, m, g, InstanceConfig{})
	if g.preempts < 10 {
		t.Errorf("preempted %d times in the start function, want 10 or more", g.preempts)
	}
	if seen != i {
		t.Error("the start function's host call did not see the instance")
	}
	if got := call(t, i, "kept"); got != 10_001 {
		t.Errorf("kept %d", got)
	}
}

func TestStartThatEnds(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "start")
	started := func(m *Module, g *guest) error {
		t.Helper()
		i, err := m.Instantiate(InstanceConfig{Host: g})
		if err != nil {
			t.Fatal(err)
		}
		defer i.Close()
		return i.Start()
	}
	err := started(m, &guest{quantum: 1000, preempt: func() error { return io.EOF }})
	if err != io.EOF {
		t.Errorf("preempted: %v", err)
	}
	err = started(m, &guest{quantum: testQuantum, call: func(*guest, uint32) uint32 {
		Abort(io.ErrClosedPipe)
		return 0
	}})
	if err != io.ErrClosedPipe {
		t.Errorf("aborted: %v", err)
	}
	err = started(load(t, e, "start_trap"), &guest{})
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != Unreachable || len(trap.Frames) != 1 {
		t.Errorf("trapped: %v", err)
	}
	if used := e.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes still used", used)
	}
}

func TestModulesWithoutMuch(t *testing.T) {
	e := newEngine(t, Config{})
	i := start(t, load(t, e, "empty"), &guest{}, InstanceConfig{})
	if _, err := i.Call("run"); err == nil {
		t.Error("a function that isn't there was called")
	}
	i = start(t, load(t, e, "no_memory"), &guest{}, InstanceConfig{MemoryBytes: 1})
	if got := call(t, i, "run"); got != 7 {
		t.Errorf("got %d", got)
	}
	if i.Memory() != nil {
		t.Error("it has a memory")
	}
}
