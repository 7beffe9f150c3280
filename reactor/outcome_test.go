package reactor

import (
	"errors"
	"fmt"
	"strings"
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
		{interrupt{lifecycle.ByClient}, api.Cancelled, api.ReasonCancelled, "client", false},
		{interrupt{lifecycle.ByDeadline}, api.Failed, api.ReasonDeadline, "44s", false},
		{interrupt{lifecycle.ByShutdown}, api.Pending, api.NotEnded, "", false},
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
			o := failed(err, limits)
			if o.state != tc.state || o.reason != tc.reason || !strings.Contains(o.message, tc.says) || (o.fault != nil) != tc.fault {
				t.Errorf("failed(%v) = %+v", err, o)
			}
		}
	}
}

func TestRemaining(t *testing.T) {
	for _, tc := range [][3]uint64{{0, 5, 0}, {10, 0, 10}, {10, 4, 6}, {10, 10, 1}, {10, 99, 1}} {
		if got := remaining(tc[0], tc[1]); got != tc[2] {
			t.Errorf("remaining(%d, %d) = %d, want %d", tc[0], tc[1], got, tc[2])
		}
	}
}

func TestShorten(t *testing.T) {
	for _, tc := range []struct {
		in   string
		most int
		want string
	}{{"abc", 3, "abc"}, {"abcd", 3, "abc..."}, {"aü", 2, "a..."}} {
		if got := shorten(tc.in, tc.most); got != tc.want {
			t.Errorf("shorten(%q, %d) = %q", tc.in, tc.most, got)
		}
	}
}
