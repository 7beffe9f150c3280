package integration

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// An asynchronous function is called as any other, with a workload or without: what it waits for is waited for.
func TestAsyncCall(t *testing.T) {
	c := newCtl(t, tool(t))
	for _, tt := range []struct {
		flags, call string
		status      int
		out, err    string
	}{
		{"", `greet("you")`, 0, `"hello, you"`, ""},
		{"", "turns(1000)", 0, "1000", ""},
		{"", "deadlock()", 134, "", "deadlock"},
		{"--timeout=300ms", "forever()", 124, "", "timeout"},
		{"--timeout=300ms", "stubborn()", 124, "", "timeout"},
	} {
		args := []string{"call"}
		if tt.flags != "" {
			args = append(args, tt.flags)
		}
		out, errs, status := c.run(t, "", append(args, componentFile("flow"), tt.call)...)
		if status != tt.status || strings.TrimSpace(out) != tt.out || !strings.Contains(errs, tt.err) {
			t.Errorf("%s: status %d, %q, %s", tt.call, status, out, errs)
		}
	}
	if out := c.must(t, "module", "inspect", componentFile("flow")); !strings.Contains(out, "export greet: async func(name: string) -> string;") {
		t.Errorf("inspect: %s", out)
	}
	id := strings.TrimSpace(c.must(t, "submit", "--call", "turns(5)", componentFile("flow")))
	c.must(t, "wait", id)
	if out := c.must(t, "status", id); !strings.Contains(out, "turns(5)") || !strings.Contains(out, "result") {
		t.Errorf("status: %s", out)
	}
}

// The same without a workload.
func TestAsyncCallFunction(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	module := pushComponent(t, d, "flow")
	for _, tt := range []struct {
		export string
		args   []*reactorv1.Value
		reason reactorv1.EndReason
		text   string
	}{
		{"turns", []*reactorv1.Value{whole(10)}, reactorv1.EndReason_END_REASON_EXIT, ""},
		{"deadlock", nil, reactorv1.EndReason_END_REASON_TRAP, "deadlock"},
		{"forever", nil, reactorv1.EndReason_END_REASON_DEADLINE, ""},
		{"stubborn", nil, reactorv1.EndReason_END_REASON_DEADLINE, ""},
	} {
		response, err := d.Workloads.CallFunction(t.Context(), &reactorv1.CallFunctionRequest{Spec: &reactorv1.WorkloadSpec{
			Module: module, Call: &reactorv1.FunctionCall{Export: tt.export, Args: tt.args},
			Limits: &reactorv1.Limits{Timeout: durationpb.New(time.Second)},
		}})
		if s := response.GetStatus(); err != nil || s.GetReason() != tt.reason || !strings.Contains(s.GetMessage(), tt.text) {
			t.Errorf("%s: %v, %q, %v", tt.export, s.GetReason(), s.GetMessage(), err)
		}
	}
}
