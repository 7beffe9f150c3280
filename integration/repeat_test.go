package integration

import (
	"fmt"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// TestRepeatedWhileFull: a submission that was acknowledged is answered with its workload when it is repeated while the
// store is full, alone or beside a new one, which is refused.
func TestRepeatedWhileFull(t *testing.T) {
	d := testkit.Start(t, t.TempDir(), "--store-size=4MiB")
	spec := sleeper(t, d.Client, time.Hour)
	known := &reactorv1.SubmitWorkloadRequest{Id: "known", Spec: spec}
	if resp, err := d.Workloads.SubmitWorkload(t.Context(), known); err != nil || !resp.GetCreated() {
		t.Fatalf("the first time: %v, %v", resp, err)
	}
	// What has not finished is not pruned, so the store fills up.
	large := &reactorv1.WorkloadSpec{Module: spec.GetModule(), Args: spec.GetArgs(), Stdin: make([]byte, 100_000)}
	full := false
	for i := 0; !full; i++ {
		fill := &reactorv1.SubmitWorkloadRequest{Id: fmt.Sprint("fill", i), Spec: large}
		resp, err := d.Workloads.SubmitWorkloads(t.Context(), &reactorv1.SubmitWorkloadsRequest{
			Requests: []*reactorv1.SubmitWorkloadRequest{fill, known},
		})
		if err != nil {
			t.Fatal(err)
		}
		results := resp.GetResults()
		if again := results[1]; again.GetCreated() || again.GetError() != nil {
			t.Fatalf("in a batch: %v", again)
		}
		switch reason := results[0].GetError().GetReason(); reason {
		case 0:
		case reactorv1.ErrorReason_ERROR_REASON_STORE_FULL:
			full = true
		default:
			t.Fatalf("a new one: %v", results[0])
		}
		if i > 4<<20/100_000 {
			t.Fatal("the store is never full")
		}
	}
	resp, err := d.Workloads.SubmitWorkload(t.Context(), known)
	if err != nil || resp.GetCreated() || resp.GetWorkload().GetId() != "known" {
		t.Errorf("alone: %v, %v", resp, err)
	}
}
