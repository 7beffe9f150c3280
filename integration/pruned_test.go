package integration

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// A module that somebody prunes after it was pushed, and before its first workload is submitted, is pushed again.
func TestPrunedBeforeSubmit(t *testing.T) {
	c := newCtl(t)
	d := c.daemon
	var submits, prunes atomic.Int32 // calls; and how many of them are to come after a prune
	address := d.Proxy(t, func(method string) {
		if !strings.HasPrefix(method, reactorv1.WorkloadService_SubmitWorkload_FullMethodName) { // or SubmitWorkloads
			return
		}
		submits.Add(1)
		if prunes.Add(-1) < 0 {
			return
		}
		pruned, err := d.Modules.PruneModules(t.Context(), &reactorv1.PruneModulesRequest{})
		if err != nil || pruned.GetTotal() != 1 {
			t.Errorf("pruned %v, %v", pruned, err)
		}
	})
	c.env = append(c.env, "REACTORD_ADDR="+address)
	for i, tc := range []struct {
		args          []string
		prunes        int32
		submits       int32
		status, count int // count: of workloads
	}{
		{[]string{"run"}, 1, 2, 0, 1},
		{[]string{"run"}, 9, 10, 0, 1},
		{[]string{"run", "-i"}, 1, 2, 0, 1},
		{[]string{"run", "--count", "3"}, 1, 2, 0, 3},
		{[]string{"submit"}, 1, 2, 0, 1},
		{[]string{"submit", "--count", "3"}, 1, 2, 0, 3},
		{[]string{"run"}, 1000, 11, 125, 0}, // nobody pushes for ever
		{[]string{"submit", "--count", "3"}, 1000, 11, 125, 0},
	} {
		submits.Store(0)
		prunes.Store(tc.prunes)
		binary, label := variant(fmt.Sprint("pruned ", i)), fmt.Sprint("n=", i)
		_, errs, status := c.run(t, "", append(tc.args, "--label", label, file(t, "pruned.wasm", binary))...)
		prunes.Store(0)
		if status != tc.status || submits.Load() != tc.submits {
			t.Errorf("%q, pruned %d times: status %d after %d calls, want %d after %d: %s", tc.args, tc.prunes, status, submits.Load(), tc.status, tc.submits, errs)
		}
		list, err := d.Workloads.ListWorkloads(t.Context(), &reactorv1.ListWorkloadsRequest{Filter: &reactorv1.WorkloadFilter{LabelSelector: label}})
		if err != nil || len(list.GetWorkloads()) != tc.count {
			t.Errorf("%q: %d workloads, %v; want %d", tc.args, len(list.GetWorkloads()), err, tc.count)
		}
		if tc.status != 0 && !strings.Contains(errs, "no module") {
			t.Errorf("%q says %q", tc.args, errs)
		}
	}

	// A module that is not the command's to push is missed.
	gone := d.Push(t, variant("gone"))
	submits.Store(0)
	prunes.Store(1)
	if _, errs, status := c.run(t, "", "run", gone); status != 125 || submits.Load() != 1 || !strings.Contains(errs, "no module") {
		t.Errorf("by digest: status %d after %d calls: %s", status, submits.Load(), errs)
	}
}
