package outcome

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

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
