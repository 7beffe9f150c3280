// Package pace says how often the Go heap is collected.
//
// The Go runtime collects when the heap has doubled. That is too often while the heap is small: a daemon with a heap of a few
// megabytes that answers thousands of calls a second allocates that much dozens of times a second, and each collection costs as
// much again in the assists that allocations have to do. So at least Floor bytes are allocated between two collections. It is too
// seldom where memory is short: garbage must not take what the machine or the control group does not have, beside the memories of
// guests, which are not in the heap. So the heap has a soft limit, which follows what guests have. On heaps in between the
// runtime's own rule applies.
//
// Run works on its caller's goroutine and returns when its context ends. It wakes once for each collection.
package pace

import (
	"context"
	"math"
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

// Memory is what the process may use, and what of it is not the heap's, in bytes.
type Memory struct{ Machine, Guests uint64 }

// limit returns the soft limit of the heap: what guests do not have, but for a sixteenth, which the code and the system take. It
// is an eighth at least: a heap that needs more than there is would be collected all the time, and guests go back to the queue
// when memory is short.
func (m Memory) limit() int64 {
	left := m.Machine/16*15 - min(m.Guests, m.Machine/16*15)
	return int64(min(max(left, m.Machine/8), math.MaxInt64)) //nolint:gosec // it is in range
}

// far reports whether two limits differ enough for a change, which stops all goroutines for a moment.
func far(a, b int64) bool { return max(a, b)-min(a, b) > max(a, b)/32 }

// sentinel becomes garbage at once, so its finalizer runs after each collection. It has a pointer, since
// pointer-free tiny objects share memory.
type sentinel struct{ _ *byte }

// Run adjusts the pace until ctx ends. It leaves what GOGC or GOMEMLIMIT set alone. read is called after each collection, on Run's
// goroutine; nil if the memory of the machine is unknown.
func Run(ctx context.Context, read func() Memory) {
	paced, limited := os.Getenv("GOGC") == "", os.Getenv("GOMEMLIMIT") == "" && read != nil
	if paced {
		defer debug.SetGCPercent(usual)
	}
	if limited {
		defer debug.SetMemoryLimit(math.MaxInt64)
	}
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	collected := make(chan struct{}, 1)
	now, limit := usual, int64(math.MaxInt64)
	for {
		metrics.Read(live)
		if next := percent(live[0].Value.Uint64()); paced && next != now {
			debug.SetGCPercent(next)
			now = next
		}
		if limited {
			if next := read().limit(); far(next, limit) {
				debug.SetMemoryLimit(next)
				limit = next
			}
		}
		runtime.AddCleanup(new(sentinel), func(c chan<- struct{}) { c <- struct{}{} }, collected)
		select {
		case <-ctx.Done():
			return
		case <-collected:
		}
	}
}
