package storetest

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// Benchmark measures an engine: durable submissions by one and many writers, whole tasks (submitted, started,
// finished with a line of output), and pages of a list.
func Benchmark(b *testing.B, open Open) {
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("Submit/writers=%d", writers), func(b *testing.B) {
			f := newFixture(b, open, Options{})
			parallel(b, writers, func(n int64) error {
				_, err := f.Submit(b.Context(), []*store.Workload{benchWorkload(f, n)})
				return err
			})
		})
	}
	for _, writers := range []int{1, 16, 256} {
		b.Run(fmt.Sprintf("Task/clients=%d", writers), func(b *testing.B) {
			f := newFixture(b, open, Options{})
			parallel(b, writers, func(n int64) error { return task(b.Context(), f, benchWorkload(f, n)) })
		})
	}
	b.Run("SubmitMany/workloads=10000", func(b *testing.B) {
		f := newFixture(b, open, Options{})
		var n int64
		for b.Loop() {
			batch := make([]*store.Workload, 10_000)
			for i := range batch {
				n++
				batch[i] = benchWorkload(f, n)
			}
			if _, err := f.Submit(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("List/workloads=100000", func(b *testing.B) { benchList(b, open) })
}

// benchList measures the first pages of a large store, by an index and by a scan of every record.
func benchList(b *testing.B, open Open) {
	f := newFixture(b, open, Options{})
	for n := range int64(10) {
		batch := make([]*store.Workload, 10_000)
		for i := range batch {
			batch[i] = benchWorkload(f, n*10_000+int64(i))
			batch[i].Labels = map[string]string{"app": "web"}
		}
		batch[0].Labels["run"] = "rare"
		f.create(batch...)
		f.must(finish(batch[0].ID, 0, store.Cancelled))
	}
	for _, list := range []struct {
		name   string
		filter store.Filter
	}{
		{"All", store.Filter{}},
		{"RareState", store.Filter{States: store.States(store.Cancelled)}},
		{"Label", store.Filter{Labels: []store.Requirement{{Key: "app", Value: "web"}}}},
		{"RareLabel", store.Filter{Labels: []store.Requirement{{Key: "app", Value: "web"}, {Key: "run", Value: "rare"}}}},
		{"Unindexed", store.Filter{Labels: []store.Requirement{{Key: "app", Op: store.NotEqual, Value: "web"}}}},
	} {
		b.Run(list.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := f.List(b.Context(), store.Query{Filter: list.filter}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// benchWorkload returns a record of about a kilobyte, with an id of the usual length.
func benchWorkload(f *fixture, n int64) *store.Workload {
	w := f.newWorkload(fmt.Sprintf("%016x-%08x", n, uint32(n*2654435761)))
	w.Spec = make([]byte, 1024)
	w.Status = make([]byte, 48)
	return w
}

// parallel runs b.N operations, numbered from 1, on the given number of goroutines.
func parallel(b *testing.B, goroutines int, do func(n int64) error) {
	b.ReportAllocs()
	b.ResetTimer()
	var next atomic.Int64
	var group sync.WaitGroup
	for range goroutines {
		group.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := do(n); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "ops/s")
}

// task runs the life of a workload: it waits only for its creation and its end.
func task(ctx context.Context, s store.Store, w *store.Workload) error {
	if _, err := s.Submit(ctx, []*store.Workload{w}); err != nil {
		return err
	}
	s.Transition(store.Transition{
		ID: w.ID, From: store.States(store.Pending), To: store.Running, Attempt: 1, Time: w.Created, Status: w.Status,
	}, nil)
	ended := make(chan error, 1)
	s.Transition(store.Transition{
		ID: w.ID, From: store.States(store.Running), To: store.Succeeded, Attempt: 1, Time: w.Created, Status: w.Status,
		Log: []store.LogChunk{{Stream: store.Stdout, Time: w.Created, Data: []byte("hello, world\n")}},
	}, func(_ int64, err error) { ended <- err })
	return <-ended
}
