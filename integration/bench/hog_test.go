package bench

import (
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkHog measures what guests that never wait do to guests that do, and to the API: four of
// them spin beside a hundred that sleep 5 ms at a time. The lateness is that of the sleepers' own
// wake-ups, as the daemon's statistics have it.
func BenchmarkHog(b *testing.B) {
	const hogs, sleepers = 4, 100
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		hog, sleeper := d.Push(b, examples.Hog), d.Push(b, examples.Sleeper)
		hogIDs := d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: hog}, hogs)
		await(b, d, func(s *reactorv1.Stats) bool { return s.GetRunning() == hogs })
		ids := d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: sleeper, Args: []string{"1200", "5"}}, sleepers)

		calls := d.Probe(b, func() {
			for _, id := range ids {
				if s := d.WaitFor(b, id); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
					b.Fatalf("a sleeper: %v", s)
				}
			}
		})
		reportLateness(b, d, "")
		b.ReportMetric(milliseconds(testkit.Quantile(calls, 0.99)), "call-p99-ms")
		d.Cancel(b, hogIDs...)
		d.Stop()
	}
}

// besideHogs drives a load beside what BenchmarkHog has running, and reports how late the sleepers were. The load lasts for less than
// the six seconds of theirs. The daemon is stopped then.
func besideHogs(b *testing.B, d *testkit.Daemon, drive func()) {
	b.Helper()
	const hogs, sleepers = 4, 100
	hog, sleeper := d.Push(b, examples.Hog), d.Push(b, examples.Sleeper)
	d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: hog}, hogs)
	ids := d.SubmitMany(b, &reactorv1.WorkloadSpec{Module: sleeper, Args: []string{"1200", "5"}}, sleepers)
	drive()
	for _, id := range ids {
		if s := d.WaitFor(b, id); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			b.Fatalf("a sleeper: %v", s)
		}
	}
	reportLateness(b, d, "")
	d.Stop()
}
