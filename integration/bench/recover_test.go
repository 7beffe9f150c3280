package bench

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkRecover measures how long a daemon takes to be ready that finds many workloads waiting to be
// started, each with as much of labels and arguments as is usual, and what memory it has then.
func BenchmarkRecover(b *testing.B) {
	for _, workloads := range []int{40_000, 200_000} {
		b.Run(fmt.Sprintf("workloads=%d", workloads), func(b *testing.B) {
			dir := b.TempDir()
			d := testkit.Start(b, dir, "--max-live", "1")
			module := d.Push(b, examples.Sleeper)
			spec := &reactorv1.WorkloadSpec{
				Module: module, Args: []string{"1", strconv.Itoa(farFuture)}, Labels: map[string]string{"app": "bench", "part": "recover"},
			}
			for left := workloads; left > 0; left -= min(left, 5000) {
				d.SubmitMany(b, spec, min(left, 5000))
			}
			d.Stop()
			for b.Loop() {
				began := time.Now()
				d = testkit.Start(b, dir, "--max-live", "1")
				b.ReportMetric(time.Since(began).Seconds()*1e6/float64(workloads), "us/workload")
				b.ReportMetric(float64(readMemory(b, d.PID).resident)/float64(workloads), "B/workload")
				d.Stop()
			}
		})
	}
}
