package outcome

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

func TestFailed(t *testing.T) {
	limits := api.Limits{MemoryBytes: 11, Fuel: 22, StackBytes: 33, Timeout: 44 * time.Second}
	for _, tc := range []struct {
		err    error
		state  api.State
		reason api.Reason
		says   string
		fault  bool
	}{
		{Interrupt{lifecycle.ByClient}, api.Cancelled, api.ReasonCancelled, "client", false},
		{Interrupt{lifecycle.ByDeadline}, api.Failed, api.ReasonDeadline, "44s", false},
		{Interrupt{lifecycle.ByShutdown}, api.Pending, api.NotEnded, "", false},
		{executor.ErrClosed, api.Pending, api.NotEnded, "", false},
		{executor.ErrOutOfFuel, api.Failed, api.ReasonOutOfFuel, "22", false},
		{engine.ErrOutOfMemory, api.Failed, api.ReasonOutOfMemory, "11", false},
		{engine.ErrNodeMemory, api.Failed, api.ReasonNodeMemory, "--node-memory", false},
		{&engine.StackRefusedError{Bytes: 9, Err: engine.ErrOutOfMemory}, api.Failed, api.ReasonOutOfMemory, "11", false},
		{&engine.StackRefusedError{Bytes: 9, Err: engine.ErrNodeMemory}, api.Failed, api.ReasonNodeMemory, "short of memory", false},
		{&engine.Trap{Code: engine.StackOverflow}, api.Failed, api.ReasonStackOverflow, "33", false},
		{&engine.Trap{Code: engine.Unreachable}, api.Failed, api.ReasonTrap, "", false},
		{&capability.Error{Grant: grant.Connection{Address: "a:1"}, Err: errors.New("refused")}, api.Failed, api.ReasonGrantDenied, "a:1", false},
		{&meter.Error{Kind: meter.Malformed, Msg: "odd"}, api.Failed, api.ReasonInvalidModule, "odd", false},
		{&engine.UnknownImportError{Module: "m", Name: "n", Kind: meter.FuncExtern}, api.Failed, api.ReasonInvalidModule, `"m"."n"`, false},
		{&abi.EntryError{Export: "e", Msg: "gone"}, api.Failed, api.ReasonInvalidModule, "gone", false},
		{&executor.PanicError{Value: "oops"}, api.Failed, api.ReasonInternal, "internal fault", true},
		{errors.New("whatever"), api.Failed, api.ReasonInternal, "whatever", true},
	} {
		for _, err := range []error{tc.err, fmt.Errorf("wrapped: %w", tc.err)} {
			o := Failed(err, limits)
			if o.State != tc.state || o.Reason != tc.reason || !strings.Contains(o.Message, tc.says) || (o.Fault != nil) != tc.fault {
				t.Errorf("failed(%v) = %+v", err, o)
			}
		}
	}
}

func TestPassing(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want retry.Trouble
	}{
		{&capability.Error{Grant: grant.Directory{}, Err: syscall.ENOTCONN}, retry.Disk},
		{&capability.Error{Grant: grant.Connection{}, Err: syscall.ENOTCONN}, retry.None},
		{store.ErrFull, retry.Space},
		{store.ErrUnavailable, retry.Disk},
		{fmt.Errorf("%w: %w", store.ErrUnavailable, syscall.ENFILE), retry.Descriptors},
		{&store.CorruptError{Kind: store.KindModule, Err: os.ErrNotExist}, retry.Damage},
		{&store.CorruptError{Kind: store.KindModule, Err: syscall.EIO}, retry.Damage},
		{&store.CorruptError{Kind: store.KindWorkload, Err: errors.New("sum")}, retry.None},
		{&store.NotFoundError{Kind: store.KindModule}, retry.None},
		{syscall.ENOMEM, retry.Memory},
		{&engine.InternalError{Err: &os.PathError{Err: syscall.ENOSPC}}, retry.Space},
		{&engine.InternalError{Err: errors.New("a fault")}, retry.None},
		{&engine.TransientError{Err: errors.New("killed")}, retry.Compiler},
		{&engine.TransientError{Err: engine.ErrModuleMemory}, retry.Memory},
		{&engine.TransientError{Err: &os.PathError{Err: syscall.EMFILE}}, retry.Descriptors},
		{&meter.Error{Kind: meter.TooLarge}, retry.None},
		{engine.ErrOutOfMemory, retry.None},
	} {
		if got := TroubleOf(fmt.Errorf("wrapped: %w", tc.err)); got != tc.want {
			t.Errorf("passing(%v) = %v, want %v", tc.err, got, tc.want)
		}
	}
}

// TestTroubleText: clients are not told how a store finds out that a module is damaged.
func TestTroubleText(t *testing.T) {
	damaged := &store.CorruptError{Kind: store.KindModule, Name: "sha256:12", Err: store.ErrDamaged}
	if got := TroubleText(fmt.Errorf("read: %w", damaged)); got != "sha256:12 is damaged on disk" {
		t.Errorf("a damaged module: %q", got)
	}
	if got := TroubleText(store.ErrFull); got != store.ErrFull.Error() {
		t.Errorf("anything else: %q", got)
	}
}

// TestCrashes: how crashes are told, with what the guest was refused before.
func TestCrashes(t *testing.T) {
	const mib = 1 << 20
	limits := api.Limits{StackBytes: mib}
	memory := func(want, limit int64) *abi.Refusal {
		return &abi.Refusal{Kind: abi.RefusedMemory, Want: want, Limit: limit}
	}
	for _, tc := range []struct {
		name    string
		code    engine.TrapCode
		refusal *abi.Refusal
		message string
		cause   string
	}{
		{"panic", engine.Unreachable, nil, "the guest crashed: it executed unreachable, as programs do that panic or abort", ""},
		{"out of memory", engine.Unreachable, memory(17*mib, 16*mib),
			"the guest crashed: memory.grow to 17 MiB was refused: the limit is 16 MiB (--memory); it then executed unreachable, as programs do that panic or abort",
			"memory.grow to 17 MiB was refused: the limit is 16 MiB"},
		{"a page too much", engine.MemoryOutOfBounds, memory(16*mib+65536, 16*mib),
			"the guest crashed: memory.grow to 16.06 MiB was refused: the limit is 16 MiB (--memory); it then used memory out of bounds, probably because it called itself too deeply: the stack that C and Rust keep in memory has its size from the linker (-z stack-size)",
			"memory.grow to 16.06 MiB was refused: the limit is 16 MiB"},
		{"with its stack too much", engine.Unreachable, memory(16*mib, 16*mib),
			"the guest crashed: memory.grow to 16 MiB was refused: with the guest's stack and tables it would exceed the limit of 16 MiB (--memory); it then executed unreachable, as programs do that panic or abort",
			"memory.grow to 16 MiB was refused: with the guest's stack and tables it would exceed the limit of 16 MiB"},
		{"the system's memory", engine.Unreachable, memory(mib, 0),
			"the guest crashed: memory.grow to 1 MiB was refused: the system has no memory left; it then executed unreachable, as programs do that panic or abort",
			"memory.grow to 1 MiB was refused: the system has no memory left"},
		{"descriptors", engine.Unreachable, &abi.Refusal{Kind: abi.RefusedDescriptor, Want: 9, Limit: 8},
			"the guest crashed: another descriptor was refused: the limit is 8 (--descriptors); it then executed unreachable, as programs do that panic or abort",
			"another descriptor was refused: the limit is 8"},
		{"operations", engine.Unreachable, &abi.Refusal{Kind: abi.RefusedOperations, Want: 9, Limit: 8},
			"the guest crashed: waiting for 9 operations at once was refused: the limit is 8 (--pending-ops); it then executed unreachable, as programs do that panic or abort",
			"waiting for 9 operations at once was refused: the limit is 8"},
		{"recursion", engine.MemoryOutOfBounds, nil,
			"the guest crashed: it used memory out of bounds, probably because it called itself too deeply: the stack that C and Rust keep in memory has its size from the linker (-z stack-size)", ""},
		{"another reason", engine.IntegerDivideByZero, memory(17*mib, 16*mib), "the guest crashed: it divided by zero", ""},
		{"stack", engine.StackOverflow, memory(17*mib, 16*mib), "the guest's call stack outgrew its limit of 1 MiB (--stack)", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			trap := &engine.Trap{
				Code: tc.code, Message: tc.code.String(), More: true,
				Frames: []engine.Frame{{Function: "f", Index: 3, Offset: 4}, {Index: 5}},
			}
			o := Ended(abi.Exit{}, trap, tc.refusal, limits)
			want := &api.Crash{
				Trap: tc.code.String(), Cause: tc.cause, FramesOmitted: 1,
				Frames: []api.StackFrame{{Function: "f", FunctionIndex: 3, CodeOffset: 4}, {FunctionIndex: 5}},
			}
			if diff := cmp.Diff(want, o.Crash); diff != "" {
				t.Errorf("crash (-want +got):\n%s", diff)
			}
			if o.Message != tc.message {
				t.Errorf("message\n%s, want\n%s", o.Message, tc.message)
			}
		})
	}
	for code := range engine.StackOverflow + 1 {
		if text := deed(&engine.Trap{Code: code, Message: code.String()}); text == "" || strings.Contains(text, "\n") {
			t.Errorf("%v is told as %q", code, text)
		}
	}
}

// TestExitAfterRefusal: an exit with a code tells what was refused before, one with zero does not.
func TestExitAfterRefusal(t *testing.T) {
	refusal := &abi.Refusal{Kind: abi.RefusedMemory, Want: 2 << 20, Limit: 1 << 20}
	o := Ended(abi.Exit{Code: 2}, nil, refusal, api.Limits{})
	if want := "the guest exited with code 2; shortly before, memory.grow to 2 MiB was refused: the limit is 1 MiB (--memory)"; o.Message != want || o.Crash != nil {
		t.Errorf("%+v, want %q", o, want)
	}
	alert := &abi.Refusal{Kind: abi.RefusedTLS, Why: "TLS with db: the server refused: certificate required"}
	o = Ended(abi.Exit{Code: 1}, nil, alert, api.Limits{})
	if want := "the guest exited with code 1; shortly before, TLS with db: the server refused: certificate required"; o.Message != want {
		t.Errorf("%+v, want %q", o, want)
	}
	for _, tt := range []struct {
		refusal abi.Refusal
		want    string
	}{
		{abi.Refusal{Kind: abi.RefusedSending, Limit: 1 << 20}, "sending more was refused: the limit is 1 MiB in all (--sent-bytes)"},
		{abi.Refusal{Kind: abi.RefusedReceiving, Limit: 1 << 20}, "receiving more was refused: the limit is 1 MiB in all (--received-bytes)"},
		{abi.Refusal{Kind: abi.RefusedSocket, Want: 3, Limit: 2}, "another socket was refused: the limit is 2 (--connections)"},
		{abi.Refusal{Kind: abi.RefusedSocket}, "another socket was refused: there is no memory left for it (--memory)"},
		{abi.Refusal{Kind: abi.RefusedRevoked, Why: "its grant --dial db:1 was revoked"}, "its grant --dial db:1 was revoked"},
	} {
		o := Ended(abi.Exit{Code: 1}, nil, &tt.refusal, api.Limits{})
		if want := "the guest exited with code 1; shortly before, " + tt.want; o.Message != want {
			t.Errorf("%+v is told as %q, want %q", tt.refusal, o.Message, want)
		}
	}
	if o := Ended(abi.Exit{}, nil, refusal, api.Limits{}); o.Message != "" || o.State != api.Succeeded {
		t.Errorf("%+v", o)
	}
}
