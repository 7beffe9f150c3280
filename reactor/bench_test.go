package reactor

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
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
	var memory process.MemoryReader
	before := memory.Read(0).Resident
	b.ResetTimer()
	submitMany(b, r, "w", b.N, api.Spec{Module: "sleep"})
	for r.Stats().Waiting < uint64(b.N) {
		<-time.After(time.Millisecond)
	}
	b.StopTimer()
	after := memory.Read(0)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "workloads/s")
	b.ReportMetric(float64(after.Resident-before)/float64(b.N), "rss-B/op")
	b.ReportMetric(float64(after.Heap)/float64(b.N), "heap-B/op")
}

// BenchmarkWatch has many watch what one submits, a hundred at a time, and tells what one change costs for one watch.
func BenchmarkWatch(b *testing.B) {
	spec := api.Spec{
		Module: "sleep", Labels: map[string]string{"app": "bench", "tier": "back"},
		Args: strings.Fields("serve --listen inherit --workers 4 --cache 64MiB"),
		Env:  map[string]string{"HOME": "/home/guest", "LANG": "C.UTF-8", "TZ": "UTC", "LOG": "debug"},
	}
	for _, watches := range []int{1, 30, 1000} {
		b.Run(fmt.Sprintf("watches=%d", watches), func(b *testing.B) {
			r := open(b, func(c *Config) { c.MaxLive = 1 })
			push(b, r, "sleep")
			submit(b, r, "first", spec)
			const round = 100
			var seen sync.WaitGroup // as often as round for each watch
			var watching sync.WaitGroup
			ready := make(chan struct{}, watches)
			ctx, stop := context.WithCancel(b.Context())
			defer stop()
			for range watches {
				watching.Go(func() {
					_ = r.WatchWorkloads(ctx, api.Filter{States: []api.State{api.Pending}}, "", func(e api.WatchEvent) error {
						if e.Workload == nil {
							ready <- struct{}{}
						} else {
							seen.Done()
						}
						return nil
					})
				})
			}
			for range watches {
				<-ready
			}
			n := 0
			for b.Loop() {
				seen.Add(round * watches)
				submitMany(b, r, fmt.Sprint("w", n), round, spec)
				seen.Wait()
				n++
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n*round*watches), "ns/change")
			stop()
			watching.Wait()
		})
	}
}

// BenchmarkPush pushes a Go program to a reactor that has not compiled it.
func BenchmarkPush(b *testing.B) {
	out := filepath.Join(b.TempDir(), "main.wasm")
	build := exec.Command("go", "build", "-o", out, "../examples/hello")
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		b.Skipf("%v: %s", err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		b.StopTimer()
		r := open(b)
		b.StartTimer()
		if _, existed, err := pushBytes(b, r, binary, ""); err != nil || existed {
			b.Fatal(existed, err)
		}
		b.StopTimer()
		shutdown(b, r)
		b.StartTimer()
	}
	b.ReportMetric(float64(len(binary)), "B/module")
}
