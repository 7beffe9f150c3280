// Package pace keeps the garbage collector from running all the time while the heap is small.
//
// The Go runtime collects when the heap has doubled. A daemon whose heap is a few megabytes and that
// answers thousands of calls a second allocates as much dozens of times a second, and each
// collection costs the same again in the assistance that allocations have to give. So the
// garbage between two collections may always come to Floor. Above that the runtime's own rule holds.
//
// Run has one goroutine's work and returns when its context ends. It is woken once for each
// collection.
package pace

import (
	"context"
	"os"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

// Floor is how much is allocated between two collections at the least, in bytes.
const Floor = 64 << 20

// usual is the runtime's default: the heap may grow by as much as is live.
const usual = 100

// percent is the growth, in percent of what is live, that comes to Floor; usual if that is more.
func percent(live uint64) int {
	return max(usual, int(usual*Floor/max(live, 1<<20)))
}

// sentinel is garbage as soon as it is made. It has a pointer, or it would share its memory.
type sentinel struct{ _ *byte }

// Run sets the pace until ctx ends. Where GOGC is set, that is the pace.
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
