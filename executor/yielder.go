package executor

import (
	"runtime"
	"sync/atomic"
	"time"
)

const (
	// yieldOften is how long a worker runs tasks before it lets other goroutines run, if no worker sleeps. Yielding
	// costs 0.1 us if no other goroutine is runnable.
	yieldOften = 100 * time.Microsecond
	// yieldSeldom is the same while a worker sleeps: then there is mostly another processor for other goroutines. To
	// yield would wake that processor, which would take the worker, and its task with it, away from warm caches.
	yieldSeldom = time.Millisecond
	// pollEvery is how long the workers run tasks before one of them makes the runtime poll the
	// network. That costs 2.5 us.
	pollEvery = time.Millisecond
)

// yielder yields a worker's processor to the Go scheduler and makes it poll the network. Gosched alone
// is not enough:
//
//  1. A worker that calls [runtime.Gosched] goes to the end of the global run queue, and its
//     processor runs the other runnable goroutines and the runtime's timers.
//  2. But the scheduler polls the network only when a processor finds nothing to run, and it always
//     finds the worker. If all workers have work, only the runtime's monitor thread polls, every 10
//     to 20 ms: a request takes that long to be noticed.
//  3. So once a millisecond a worker blocks until the network is polled: it writes a byte to a pipe
//     and waits for the poller to report it. Its processor runs what is runnable, then polls, and
//     gets the worker together with everything else that has happened on the network.
//
// Measured (BenchmarkEcho): a request over loopback to a process whose two processors are busy with
// tasks took 24 ms at the median with Gosched alone, and takes 2 ms with step 3.
//
// Step 3 is skipped when a worker sleeps, since its processor polls.
type yielder struct {
	poller poller
	polled atomic.Int64 // the uptime when the network was last polled
}

func newYielder() (*yielder, error) {
	y := &yielder{}
	if err := y.poller.open(); err != nil {
		return nil, err
	}
	return y, nil
}

func (y *yielder) close() { y.poller.close() }

// yield lets other goroutines run. allBusy tells that no worker sleeps.
func (y *yielder) yield(now time.Duration, allBusy bool) {
	last := y.polled.Load()
	if allBusy && now-time.Duration(last) >= pollEvery &&
		y.polled.CompareAndSwap(last, int64(now)) && y.poller.poll() {
		return
	}
	runtime.Gosched()
}
