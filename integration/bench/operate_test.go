package bench

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// BenchmarkReady measures how long a daemon takes from its start until its health service says that it takes work, with a data folder
// that is new, and with one that has workloads that have ended.
func BenchmarkReady(b *testing.B) {
	for _, workloads := range []int{0, 100_000} {
		b.Run(fmt.Sprintf("workloads=%d", workloads), func(b *testing.B) {
			testkit.Binary(b, "reactord") // it is built before
			dir := b.TempDir()
			if workloads > 0 {
				d := testkit.Start(b, dir)
				spec := sleepingProgram(d.Push(b, examples.Sleeper), 1)
				for left := workloads; left > 0; left -= 5000 {
					d.SubmitMany(b, spec, 5000)
				}
				await(b, d, func(s *reactorv1.Stats) bool { return s.GetSucceeded() == uint64(workloads) })
				d.Stop()
			}
			for b.Loop() {
				if workloads == 0 {
					dir = b.TempDir()
				}
				began := time.Now()
				d := testkit.Start(b, dir)
				for {
					answer, err := d.Health.Check(b.Context(), &healthv1.HealthCheckRequest{})
					if err == nil && answer.GetStatus() == healthv1.HealthCheckResponse_SERVING {
						break
					}
				}
				b.ReportMetric(milliseconds(time.Since(began)), "ms-to-ready")
				d.Stop()
			}
		})
	}
}

// BenchmarkDrain measures how long a daemon takes to end that 10,000 guests wait in, beyond the grace period that they have, and that the
// next daemon has all of them.
func BenchmarkDrain(b *testing.B) {
	const guests, grace = 10_000, time.Second
	dir := b.TempDir()
	d := testkit.Start(b, dir, "--grace-period", grace.String())
	fill(b, d, sleepingProgram(d.Push(b, examples.Sleeper), farFuture), guests)
	for b.Loop() {
		began := time.Now()
		d.Signal(syscall.SIGTERM)
		if status := d.Wait(); status != 0 {
			b.Fatalf("the daemon ended with status %d", status)
		}
		b.ReportMetric(milliseconds(time.Since(began)-grace), "ms-beyond-grace")
		began = time.Now()
		d = testkit.Start(b, dir, "--grace-period", grace.String())
		await(b, d, func(s *reactorv1.Stats) bool { return s.GetWaiting() == guests })
		b.ReportMetric(milliseconds(time.Since(began)), "ms-to-wait-again")
	}
	empty(b, d)
	d.Stop()
}
