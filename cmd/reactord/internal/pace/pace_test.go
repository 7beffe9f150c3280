package pace

import (
	"context"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
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
	wg.Go(func() { Run(ctx) })
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
