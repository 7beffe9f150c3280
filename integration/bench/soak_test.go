package bench

import (
	"testing"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkSoak runs 200,000 short workloads through one daemon and compares its resident memory
// and goroutines after the first fifth with those at the end: growth is x-rss above 1, and leaks
// are goroutines above the 64 that each worker keeps.
func BenchmarkSoak(b *testing.B) {
	const workloads, batch, warm = 200_000, 5000, 40_000
	for b.Loop() {
		d := testkit.Start(b, b.TempDir())
		module := d.Push(b, examples.Sleeper)
		spec := &reactorv1.WorkloadSpec{Module: module, Args: []string{"2", "1"}}
		var warmed *reactorv1.Stats
		for done := 0; done < workloads; done += batch {
			d.SubmitMany(b, spec, batch)
			await(b, d, func(s *reactorv1.Stats) bool { return s.GetPending()+s.GetRunning()+s.GetWaiting() < batch })
			if done+batch == warm {
				warmed = quiet(b, d)
			}
		}
		end := quiet(b, d)
		if end.GetSucceeded() != workloads || end.GetFailed() != 0 {
			b.Fatalf("%d succeeded and %d failed, of %d", end.GetSucceeded(), end.GetFailed(), workloads)
		}
		b.ReportMetric(float64(warmed.GetResidentBytes())/(1<<20), "warm-MiB")
		b.ReportMetric(float64(end.GetResidentBytes())/(1<<20), "end-MiB")
		b.ReportMetric(float64(end.GetResidentBytes())/float64(warmed.GetResidentBytes()), "x-rss")
		b.ReportMetric(float64(end.GetGoroutines())-float64(warmed.GetGoroutines()), "goroutines")
		d.Stop()
	}
}

// quiet waits until nothing runs and the daemon has given back what it can, and returns the
// statistics then.
func quiet(b *testing.B, d *testkit.Daemon) *reactorv1.Stats {
	b.Helper()
	await(b, d, func(s *reactorv1.Stats) bool { return s.GetPending()+s.GetRunning()+s.GetWaiting() == 0 })
	settle(b, d)
	return d.Stats(b)
}
