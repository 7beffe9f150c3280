package observe

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
)

// TestOverlay: what is known only in memory is added to what the store has, and nothing to what has ended there.
func TestOverlay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		x := newFixture(t)
		started := time.Now()
		release := make(chan struct{})
		defer x.close()
		guest, guestEnded := x.add("parked", &program{run: parks, ops: opsFor("parked", maxWaitingFor+1)})
		synctest.Wait()
		w, _ := x.add("delayed", nil)
		w.delay = &api.Delay{Message: "no memory"}
		x.add("queued", nil)
		unrecorded, unrecordedEnded := x.add("unrecorded", &program{run: parks})
		unrecorded.delay = &api.Delay{Message: "the store is full"}
		_, ended := x.add("running", &program{run: func(*executor.Fiber, *abi.Config) error { <-release; return nil }})
		synctest.Wait()

		attempted := api.Status{
			Attempts: 3, StartTime: started, ListenAddresses: []string{"127.0.0.1:1"}, Usage: api.Usage{PeakMemoryBytes: 5},
		}
		parked, running := attempted, attempted
		parked.State, running.State = api.Waiting, api.Running
		late := parked
		late.Delay = unrecorded.delay
		for _, tc := range []struct {
			id   string
			in   api.Status
			want api.Status
		}{
			{"parked", api.Status{State: api.Succeeded}, api.Status{State: api.Succeeded}},
			{"gone", api.Status{State: api.Running}, api.Status{State: api.Running}},
			{"queued", api.Status{State: api.Running, Attempts: 2}, api.Status{State: api.Pending, Attempts: 2}},
			{"delayed", api.Status{State: api.Running}, api.Status{State: api.Pending, Delay: w.delay}},
			{"parked", api.Status{State: api.Pending}, parked},
			{"running", api.Status{State: api.Pending}, running},
			{"unrecorded", api.Status{State: api.Running}, late},
		} {
			got := api.Workload{ID: tc.id, Status: tc.in}
			x.Overlay(&got)
			waits := got.Status.WaitingFor
			got.Status.WaitingFor = nil
			got.Status.Usage.CPUTime, got.Status.Usage.WaitingTime = 0, 0
			if diff := cmp.Diff(tc.want, got.Status); diff != "" {
				t.Errorf("%s, which is %v in the store (-want +got):\n%s", tc.id, tc.in.State, diff)
			}
			most := 0
			if tc.want.State == api.Waiting && tc.want.Delay == nil {
				most = maxWaitingFor
			}
			if len(waits) != most || slices.ContainsFunc(waits, func(op api.Op) bool { return op.WorkloadID != tc.id }) {
				t.Errorf("%s waits for %d operations, want %d", tc.id, len(waits), most)
			}
		}
		close(release)
		<-ended
		x.end(guest, guestEnded)
		x.end(unrecorded, unrecordedEnded)
	})
}
