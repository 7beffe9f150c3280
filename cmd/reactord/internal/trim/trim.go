// Package trim returns memory to the operating system when a burst is over.
//
// A hundred thousand guests that start leave as much garbage behind as they keep, and then wait. The Go runtime
// collects when the heap has doubled, which may be two minutes after the burst or never, and it keeps free
// memory that it expects to need again. So Run checks every few seconds whether much of the heap is garbage or
// idle, and whether the heap is quiet; if both are true it collects and returns the free memory.
//
// Run works on its caller's goroutine and returns when its context ends. A trim costs a collection: about ten
// microseconds a guest, mostly concurrent with everything else. Trims take less than a hundredth of the time.
package trim

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// interval is how often the heap is checked; a heap that grows much within it is not quiet.
	interval = 2 * time.Second
	// pause is the least time between two trims, and pauseFactor how many times as long as a trim took it is.
	pause       = 10 * time.Second
	pauseFactor = 100
	// worthwhile is the least that a trim must yield, in bytes and as a fraction of what is in use.
	worthwhile         = 8 << 20
	worthwhileFraction = 32
	// quiet is how many intervals it takes the heap at least to grow by what a trim yields: guests that come and go
	// make it grow faster, guests that wake and wait slower.
	quiet = 8
)

// heap is a reading, in bytes.
type heap struct {
	objects uint64 // live or garbage
	live    uint64 // the part of objects that the last collection found live
	idle    uint64 // free memory that the runtime holds
	stacks  uint64
}

// yield estimates what a trim would give back.
func (h heap) yield() uint64 { return h.objects - min(h.live, h.objects) + h.idle }

// due reports whether to trim, given the reading before this one.
func (h heap) due(before heap) bool {
	inUse := h.live + h.stacks
	grown := h.objects - min(before.objects, h.objects)
	return h.yield() >= worthwhile && h.yield() >= inUse/worthwhileFraction && grown <= h.yield()/quiet
}

// Run trims until ctx ends.
func Run(ctx context.Context) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	read := newReader()
	before := read()
	var next time.Time
	for {
		select {
		case <-ctx.Done():
			return
		case now := <-ticks.C:
			h := read()
			if now.After(next) && h.due(before) {
				began := time.Now()
				debug.FreeOSMemory()
				next = now.Add(max(pause, pauseFactor*time.Since(began)))
				h = read()
			}
			before = h
		}
	}
}

func newReader() func() heap {
	samples := []metrics.Sample{
		{Name: "/memory/classes/heap/objects:bytes"},
		{Name: "/gc/heap/live:bytes"},
		{Name: "/memory/classes/heap/free:bytes"},
		{Name: "/memory/classes/heap/stacks:bytes"},
	}
	return func() heap {
		metrics.Read(samples)
		at := func(i int) uint64 { return samples[i].Value.Uint64() }
		return heap{objects: at(0), live: at(1), idle: at(2), stacks: at(3)}
	}
}
