// Package pace keeps the garbage collector from running all the time while the heap is small.
//
// The Go runtime collects when the heap has doubled. A daemon with a heap of a few megabytes that answers
// thousands of calls a second allocates that much dozens of times a second, and each collection costs as much
// again in the assists that allocations have to do. So at least Floor bytes are allocated between two
// collections. On larger heaps the runtime's own rule applies.
//
// Run works on its caller's goroutine and returns when its context ends. It wakes once for each collection.
package pace

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Floor is the least number of bytes that are allocated between two collections.
const Floor = 64 << 20

// usual is the runtime's default GOGC: the heap may grow by as much as is live.
const usual = 100

// percent returns the GOGC value at which the heap grows by Floor; usual if that is more.
func percent(live uint64) int {
	return max(usual, int(usual*Floor/max(live, 1<<20)))
}

// sentinel becomes garbage at once, so its finalizer runs after each collection. It has a pointer, since
// pointer-free tiny objects share memory.
type sentinel struct{ _ *byte }

// Run adjusts the pace until ctx ends. It does nothing if GOGC is set.
func Run(ctx context.Context) {
	if os.Getenv("GOGC") != "" {
		return
	}
	defer debug.SetGCPercent(usual)
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	collected := make(chan struct{}, 1)
	for now := usual; ; {
		metrics.Read(live)
		if next := percent(live[0].Value.Uint64()); next != now {
			debug.SetGCPercent(next)
			now = next
		}
		runtime.AddCleanup(new(sentinel), func(c chan<- struct{}) { c <- struct{}{} }, collected)
		select {
		case <-ctx.Done():
			return
		case <-collected:
		}
	}
}
