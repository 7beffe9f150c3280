package snapshots

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/component/signature"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/store"
)

func TestCheck(t *testing.T) {
	const procedure, memory = "(func)", "(memory 1)"
	reactor := &abi.Description{Kind: abi.Reactor, Exports: []abi.Export{
		{Name: "_initialize", Type: procedure}, {Name: "init", Type: "(func (result i32))"},
		{Name: "call", Type: "(func (param i32))"}, {Name: "memory", Type: memory},
	}}
	program := &abi.Description{Kind: abi.Command, Exports: []abi.Export{{Name: "_start", Type: procedure}, {Name: "init", Type: procedure}}}
	lonely := &abi.Description{Kind: abi.Reactor, Exports: []abi.Export{{Name: "init", Type: procedure}, {Name: "memory", Type: memory}}}
	for _, tt := range []struct {
		module      *abi.Description
		invoke, tag string
		want        []string // what the faults say
	}{
		{reactor, "", "a/tag", nil},
		{reactor, "_initialize", "", nil},
		{reactor, "init", "", nil},
		{reactor, "call", "", []string{`"call" takes arguments`}},
		{reactor, "memory", "", []string{`no function "memory"`}},
		{reactor, "nothing", "a tag", []string{"tag: ", `no function "nothing"`}},
		{program, "init", "", nil},
		{program, "", "", []string{"build a library"}},
		{program, "_start", "", []string{"runs the program to its end"}},
		{lonely, "", "", []string{"name the export that initializes it"}},
		{lonely, "init", "", []string{"no other function"}},
		{&abi.Description{Kind: abi.Component, Signatures: &signature.Set{}}, "init", "", []string{"it is a component"}},
	} {
		err := check(tt.module, &api.SnapshotRequest{Invoke: tt.invoke, Tag: tt.tag})
		if (err == nil) != (len(tt.want) == 0) {
			t.Errorf("%q: %v, want %q", tt.invoke, err, tt.want)
		}
		for _, want := range tt.want {
			if err != nil && !strings.Contains(err.Error(), want) {
				t.Errorf("%q: %v, want %q", tt.invoke, err, want)
			}
		}
	}
}

// TestHidden: an export without a name is not hidden because no export was to be called.
func TestHidden(t *testing.T) {
	for invoke, want := range map[string][]string{"": {"_initialize"}, "init": {"_initialize", "init"}} {
		if got := hidden(invoke); !slices.Equal(got, want) {
			t.Errorf("hidden(%q) is %q, want %q", invoke, got, want)
		}
	}
}

// TestFailures: how a sandbox ended, for clients.
func TestFailures(t *testing.T) {
	m := New(Config{Limits: func() api.Limits { return api.Limits{MemoryBytes: 1 << 20, StackBytes: 1 << 10, Fuel: 1000} }})
	for _, tt := range []struct {
		err   error
		class errs.Class
		want  string
	}{
		{&abi.ConfinedError{Call: "path_open"}, errs.SnapshotFailed, "there is no snapshot: it called path_open: what is open"},
		{&abi.ConfinedError{Call: "random_get"}, errs.SnapshotFailed, "(--allow-random)"},
		{&abi.ConfinedError{Call: "proc_exit", Exited: true, Code: 2}, errs.SnapshotFailed, "it exited with status 2 instead of returning"},
		{&snapshot.StateError{What: []string{"table 0 was changed"}}, errs.SnapshotFailed, "cannot be carried over: table 0 was changed"},
		{&wasm.Error{Kind: wasm.TooLarge, Msg: "the memory has more"}, errs.ModuleTooLarge, "the memory has more"},
		{&failure{&timeoutError{time.Second}, nil}, errs.SnapshotFailed, "it had not returned after 1s"},
		{&failure{executor.ErrOutOfFuel, nil}, errs.SnapshotFailed, "its fuel of 1000 units (the daemon's --default-fuel)"},
		{&failure{engine.ErrOutOfMemory, nil}, errs.SnapshotFailed, "its limit of 1 MiB (the daemon's --default-memory)"},
		{&failure{&engine.Trap{Code: engine.Unreachable, Message: "unreachable", Frames: []engine.Frame{{Function: "init"}}}, nil}, errs.SnapshotFailed, "init"},
		{executor.ErrClosed, errs.Draining, ""},
		{errors.New("odd"), errs.Internal, "odd"},
	} {
		err := m.refuse(store.Digest{}, nil, tt.err)
		e, ok := errors.AsType[*errs.Error](err)
		if !ok || e.Class != tt.class || !strings.Contains(e.Message, tt.want) {
			t.Errorf("%v: %v, want %v with %q", tt.err, err, tt.class, tt.want)
		}
	}
	if err := m.refuse(store.Digest{}, nil, fmt.Errorf("end: %w", context.Canceled)); !errors.Is(err, context.Canceled) {
		t.Errorf("the end of the call: %v", err)
	}
	err := m.refuse(store.Digest{}, &stdio.Beginning{Kept: []byte(strings.Repeat("x", 1<<20))}, &abi.ConfinedError{Call: "fd_close"})
	if n := len(err.Error()); n < 1000 || n > 2000 {
		t.Errorf("a message has %d bytes", n)
	}
}
