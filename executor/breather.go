package executor

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// breathEvery is how long a worker runs tasks before it lets other goroutines run. Yielding to
	// none costs 0.1 us.
	breathEvery = 100 * time.Microsecond
	// pollEvery is how long the workers together run tasks before one of them has the network
	// polled. That costs 2.5 us.
	pollEvery = time.Millisecond
)

// breather is how workers live with the Go scheduler. Gosched alone won't do:
//
//  1. A worker that calls [runtime.Gosched] goes to the end of the global run queue, and its
//     processor runs whatever else is runnable, timers of the runtime included.
//  2. But the scheduler polls the network only when a processor finds nothing to run, and it finds
//     the worker. If all workers have work, the network is left to the runtime's monitor thread,
//     which looks every 10 to 20 ms: a request takes that long to be noticed.
//  3. So, once a millisecond, a worker instead blocks, in a way that ends only when the network is
//     polled: it writes a byte to a pipe and waits for the poller to report it. Its processor runs
//     what is runnable, polls, and finds the worker with whatever else has happened on the network.
//
// Measured (BenchmarkEcho): a request over loopback to a process whose two processors are kept by
// tasks took 24 ms at the median by Gosched alone, and takes 2 ms with step 3.
//
// Step 3 is left out when a worker sleeps, since its processor polls.
type breather struct {
	poller poller
	polled atomic.Int64 // the uptime when the network was last polled
}

func newBreather() (*breather, error) {
	b := &breather{}
	if err := b.poller.open(); err != nil {
		return nil, err
	}
	return b, nil
}

func (b *breather) close() { b.poller.close() }

// breathe lets other goroutines run. everybodyWorks tells that no worker sleeps.
func (b *breather) breathe(now time.Duration, everybodyWorks bool) {
	last := b.polled.Load()
	if everybodyWorks && now-time.Duration(last) >= pollEvery &&
		b.polled.CompareAndSwap(last, int64(now)) && b.poller.poll() {
		return
	}
	runtime.Gosched()
}
