package reactor

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/process"
)

// submitMany submits count workloads of a spec in batches, and returns their ids.
func submitMany(t testing.TB, r *Reactor, prefix string, count int, spec api.Spec) []string {
	t.Helper()
	ids := make([]string, 0, count)
	for len(ids) < count {
		var reqs []api.SubmitRequest
		for range min(1000, count-len(ids)) {
			ids = append(ids, fmt.Sprintf("%s-%d", prefix, len(ids)))
			reqs = append(reqs, api.SubmitRequest{ID: ids[len(ids)-1], Spec: spec})
		}
		results, err := r.SubmitWorkloads(t.Context(), reqs)
		if err != nil {
			t.Fatal(err)
		}
		for _, res := range results {
			if res.Err != nil {
				t.Fatal(res.Err)
			}
		}
	}
	return ids
}

// BenchmarkWorkloads takes workloads from submission to their recorded end, in batches.
func BenchmarkWorkloads(b *testing.B) {
	r := open(b)
	push(b, r, "hello")
	b.ResetTimer()
	ids := submitMany(b, r, "w", b.N, api.Spec{Module: "hello"})
	for _, id := range ids {
		if _, err := r.WaitWorkload(b.Context(), id); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "workloads/s")
}

// BenchmarkSleepers has workloads that wait all at once, and tells what each takes up.
func BenchmarkSleepers(b *testing.B) {
	r := open(b, func(c *Config) { c.MemoryBytes = 64 << 30 })
	push(b, r, "sleep")
	runtime.GC()
	before := process.ReadMemory().Resident
	b.ResetTimer()
	submitMany(b, r, "w", b.N, api.Spec{Module: "sleep"})
	for r.Stats().Waiting < uint64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	after := process.ReadMemory()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "workloads/s")
	b.ReportMetric(float64(after.Resident-before)/float64(b.N), "rss-B/op")
	b.ReportMetric(float64(after.Heap)/float64(b.N), "heap-B/op")
}
