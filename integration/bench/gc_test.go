package bench

import (
	"context"
	"errors"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/integration/internal/testkit"
	"github.com/reactord/reactord/reactor"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/store/sqlite"
)

// BenchmarkHogGC measures, inside the library, how long a garbage collection takes while four
// guests spin, none of which the Go runtime could preempt by itself.
func BenchmarkHogGC(b *testing.B) {
	const hogs, collections = 4, 50
	dir := b.TempDir()
	r, err := reactor.New(reactor.Config{DataDir: dir, ABIs: []abi.ABI{wasip1.New()}, GracePeriod: time.Nanosecond}, sqlite.Opener(dir+"/store"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() {
		if err := r.Shutdown(context.Background()); err != nil {
			b.Error(err)
		}
	}()
	module := pushTo(b, r, examples.Hog)
	requests := make([]api.SubmitRequest, hogs)
	for i := range requests {
		requests[i].Spec.Module = module
	}
	if _, err := r.SubmitWorkloads(b.Context(), requests); err != nil {
		b.Fatal(err)
	}
	running := errors.New("all run")
	if err := r.WatchStats(b.Context(), 100*time.Millisecond, func(s api.Stats) error {
		if s.Running == hogs {
			return running
		}
		return nil
	}); !errors.Is(err, running) {
		b.Fatal(err)
	}
	var took []time.Duration
	for b.Loop() {
		for range collections {
			began := time.Now()
			runtime.GC()
			took = append(took, time.Since(began))
		}
	}
	slices.Sort(took)
	b.ReportMetric(milliseconds(testkit.Quantile(took, 0.5)), "gc-p50-ms")
	b.ReportMetric(milliseconds(testkit.Quantile(took, 0.99)), "gc-p99-ms")
}

// pushTo pushes a module into a reactor and returns its digest.
func pushTo(b *testing.B, r *reactor.Reactor, binary []byte) string {
	b.Helper()
	digest := testkit.Digest(binary)
	push, err := r.PushModule(b.Context(), api.PushRequest{Digest: digest, SizeBytes: uint64(len(binary))})
	if err != nil {
		b.Fatal(err)
	}
	if _, err := push.Write(binary); err != nil {
		b.Fatal(err)
	}
	if _, _, err := push.Commit(b.Context()); err != nil {
		b.Fatal(err)
	}
	return digest
}
