package hostcalls

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/driver"
)

// threadTime returns the processor time of the calling thread (clock_gettime(2)).
func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t) // fails for wrong arguments only
	return time.Duration(t.Nano())
}

// TestTransfersThatAreNotQuickAreTimed: elapsed time is taken for processor time only while a guest's jobs are quick.
func TestTransfersThatAreNotQuickAreTimed(t *testing.T) {
	const times, each = 4, 20 * time.Millisecond
	var used time.Duration
	onFiber(t, func(g *running) {
		transfer := func(job func()) {
			if err := g.Blocking(Op{Kind: OpFile, Bytes: 64}, driver.Lane{}, job, nil); err != nil {
				t.Error(err)
			}
		}
		for !g.quick { // unless the machine is busy, at the first time
			transfer(func() {})
		}
		for range times + 1 {
			transfer(func() {
				for began := threadTime(); threadTime()-began < each; {
				}
			})
		}
		g.Fiber().Yield()
		used = g.Fiber().Task().Usage().CPU
	})
	if want := times * each; used < want {
		t.Errorf("%d transfers of %v used %v of a processor, want %v or more", times, each, used, want)
	}
}
