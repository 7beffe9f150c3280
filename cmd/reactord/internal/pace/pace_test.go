package pace

import (
	"context"
	"math"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"sync/atomic"
	"testing"
)

func TestPercent(t *testing.T) {
	for _, test := range []struct {
		live uint64
		want int
	}{
		{0, 6400}, {1 << 20, 6400}, {16 << 20, 400}, {Floor, 100}, {Floor + 1, 100}, {1 << 40, 100},
	} {
		if got := percent(test.live); got != test.want {
			t.Errorf("of %d live bytes: %d, want %d", test.live, got, test.want)
		}
	}
}

func TestLimit(t *testing.T) {
	const gib = 1 << 30
	for _, test := range []struct {
		memory Memory
		want   int64
	}{
		{Memory{16 * gib, 0}, 15 * gib}, {Memory{16 * gib, 12 * gib}, 3 * gib},
		{Memory{16 * gib, 14 * gib}, 2 * gib}, {Memory{16 * gib, 20 * gib}, 2 * gib},
	} {
		if got := test.memory.limit(); got != test.want {
			t.Errorf("%+v: %d, want %d", test.memory, got, test.want)
		}
	}
	if far(1000, 1000) || far(1000, 990) || !far(1000, 900) || !far(900, 1000) || !far(1, 1<<62) {
		t.Error("far is wrong")
	}
}

// The limit follows what guests have, and is gone afterwards.
func TestLimitFollows(t *testing.T) {
	t.Setenv("GOMEMLIMIT", "")
	var guests atomic.Uint64
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { Run(ctx, func() Memory { return Memory{16 << 30, guests.Load()} }) })
	for _, want := range []int64{15 << 30, 5 << 30} {
		guests.Store(uint64(15<<30 - want))
		for debug.SetMemoryLimit(-1) != want {
			runtime.GC()
		}
	}
	cancel()
	wg.Wait()
	if now := debug.SetMemoryLimit(-1); now != math.MaxInt64 {
		t.Errorf("the limit is %d afterwards", now)
	}
}

// While Run runs the heap's goal is beyond the floor; afterwards it is the usual again.
func TestRun(t *testing.T) {
	t.Setenv("GOGC", "")
	goal := func() uint64 {
		s := []metrics.Sample{{Name: "/gc/heap/goal:bytes"}}
		metrics.Read(s)
		return s[0].Value.Uint64()
	}
	runtime.GC()
	before := goal()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { Run(ctx, nil) })
	for goal() < Floor { // it is set when Run begins and after each collection
		runtime.GC()
	}
	if before >= Floor {
		t.Errorf("the goal was %d before: nothing is shown", before)
	}
	cancel()
	wg.Wait()
	if now := debug.SetGCPercent(usual); now != usual {
		t.Errorf("%d percent are left behind", now)
	}
}
