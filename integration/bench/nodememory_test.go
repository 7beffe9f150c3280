package bench

import (
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkGoGuestsThroughNode runs a thousand Go programs, which start with a few pages and grow to 4.5 MiB each,
// through a node of 1 GiB: all have to succeed. It tells how many had to be started again.
func BenchmarkGoGuestsThroughNode(b *testing.B) {
	const count = 1000
	binary := testkit.GoGuest(b, "../../examples/ticker")
	again := 0
	for b.Loop() {
		d := testkit.Start(b, b.TempDir(), "--node-memory=1GiB")
		ids := d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: d.Push(b, binary)}, count)
		for s := d.Stats(b); s.GetSucceeded()+s.GetFailed() < count; s = d.Stats(b) {
			if s.GetGuestMemoryBytes() > 1<<30 {
				b.Errorf("guests have %d bytes", s.GetGuestMemoryBytes())
			}
			<-time.After(100 * time.Millisecond)
		}
		for _, id := range ids {
			s := d.WaitFor(b, id)
			if s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
				b.Errorf("%s: %v", id, s)
			}
			again += int(s.GetAttempts()) - 1
		}
		d.Stop()
	}
	b.ReportMetric(float64(again)/float64(b.N), "again/op")
}
