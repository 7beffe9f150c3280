package integration

import (
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// What the calls of a component wait for is told by status and ops, and which of them wait for each other.
func TestActivity(t *testing.T) {
	c := newCtl(t, tool(t))
	for _, tt := range []struct {
		call string
		want []string
	}{
		{"circle()", []string{
			"1 of begin of instance 0 waits to begin",
			"back of instance 1, 1 time for a call of begin",
			"instance 0: 1 call to begin, circle runs alone",
			"stacks 2 wait",
			"circle circle of instance 0 waits for back of instance 1, which waits for begin of instance 0, which waits for circle of instance 0: none",
		}},
		{"starve()", []string{
			"take of instance 1, 1 time for items of a stream of u8",
			"stream<u8>, 5 B from instance 0 to instance 1: take of instance 1 waits for the writer",
		}},
	} {
		id := strings.TrimSpace(c.must(t, "submit", "-q", "--call", tt.call, componentFile("waits")))
		var said string
		says := func(want string) bool { return strings.Contains(said, want) }
		for _, args := range [][]string{{"status", id}, {"ops", id}} {
			until(t, tt.call+" waits", func() bool {
				said = strings.Join(strings.Fields(c.must(t, args...)), " ")
				return says(tt.want[0])
			})
			for _, want := range tt.want {
				if !says(want) {
					t.Errorf("%s: %v does not say %q:\n%s", tt.call, args, want, said)
				}
			}
		}
		c.must(t, "cancel", id)
		if said = c.must(t, "status", id); says("stacks") {
			t.Errorf("%s: what has ended still waits:\n%s", tt.call, said)
		}
	}
}

// Calls that wait in one instance are counted, however many there are, while they go on.
func TestActivityOfMany(t *testing.T) {
	c := newCtl(t, tool(t))
	const folder = "../examples/component-sleeper/"
	c.must(t, "submit", "-q", "--id", "crowd", "--plug", folder+"sleeper.wasm", "--call", "crowd(1000, 1, 3600000)", folder+"crowd.wasm")
	var list reactorv1.ListOpsResponse
	until(t, "all of them wait", func() bool {
		page, err := c.daemon.Workloads.ListOps(t.Context(), &reactorv1.ListOpsRequest{WorkloadId: "crowd"})
		if err != nil {
			t.Fatal(err)
		}
		list.Activity = page.GetActivity()
		calls := page.GetActivity().GetCalls()
		return !page.GetActivity().GetBusy() && len(calls) == 2 && calls[0].GetCount() == 1000
	})
	waits := list.GetActivity().GetWaits()
	for _, want := range []reactorv1.CallWait{reactorv1.CallWait_CALL_WAIT_HOST, reactorv1.CallWait_CALL_WAIT_CALL} {
		if !slices.ContainsFunc(waits, func(w *reactorv1.WaitGroup) bool { return w.GetWait() == want && w.GetCount() == 1000 }) {
			t.Errorf("there is no group of %v: %v", want, waits)
		}
	}
	if n := c.daemon.Status(t, "crowd").GetCalls(); n != 1001 {
		t.Errorf("%d calls are in progress", n)
	}
	var status struct {
		Status struct{ Activity json.RawMessage }
	}
	if out := c.must(t, "status", "crowd", "-o", "json"); json.Unmarshal([]byte(out), &status) != nil || len(status.Status.Activity) == 0 {
		t.Errorf("as JSON: %s", out)
	}
}

// A program of preview 1 has no more to say than its operations.
func TestNoActivity(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	sleeper, err := os.ReadFile("../examples/c-sleeper/sleeper.wasm")
	if err != nil {
		t.Fatal(err)
	}
	id := d.Submit(t, &reactorv1.WorkloadSpec{Module: d.Push(t, sleeper), Args: []string{"1", "3600000"}})
	until(t, "it waits", func() bool { return len(d.Status(t, id).GetWaitingFor()) == 1 })
	if s := d.Status(t, id); s.GetActivity() != nil || s.GetCalls() != 0 {
		t.Errorf("a program has %v", s.GetActivity())
	}
}
