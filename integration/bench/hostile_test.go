package bench

import (
	"os"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkHostileGuests measures how prompt the API is beside guests that never end, and how long it takes to be rid
// of them: four of each kind for three seconds.
func BenchmarkHostileGuests(b *testing.B) {
	for _, name := range []string{"recursion", "grow", "fill", "stubborn"} {
		b.Run("guest="+name, func(b *testing.B) {
			binary, err := os.ReadFile("../testdata/wat/" + name + ".wasm")
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				d := testkit.Start(b, b.TempDir())
				ids := d.SubmitMany(b, &reactorv1.WorkloadSpec{
					Module: d.Push(b, binary), Limits: &reactorv1.Limits{MemoryBytes: 128 << 20},
				}, 4)
				await(b, d, func(s *reactorv1.Stats) bool { return s.GetRunning()+s.GetWaiting() == 4 })
				calls := d.Probe(b, func() { <-time.After(3 * time.Second) })
				begun := time.Now()
				d.Cancel(b, ids...)
				b.ReportMetric(milliseconds(time.Since(begun)), "cancel-ms")
				b.ReportMetric(milliseconds(testkit.Quantile(calls, 0.5)), "call-p50-ms")
				b.ReportMetric(milliseconds(testkit.Quantile(calls, 0.99)), "call-p99-ms")
				d.Stop()
			}
		})
	}
}
