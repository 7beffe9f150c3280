package attempt

import (
	"sync"
	"time"
)

// leastSpan is the least time over which a load is measured: guests are charged when they give up their worker, so that a
// shorter one would tell more of the scheduler than of the guest.
const leastSpan = 500 * time.Millisecond

// load measures which share of a processor is used between two looks.
type load struct {
	mu    sync.Mutex
	at    time.Time     // of the last measurement
	cpu   time.Duration // that was used until then
	share float64
}

// measure returns the share that was used since the last measurement, or its result again if that has only just been made.
func (l *load) measure(now time.Time, cpu time.Duration) float64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	if span := now.Sub(l.at); span >= leastSpan {
		l.share = max(0, float64(cpu-l.cpu)/float64(span))
		l.at, l.cpu = now, cpu
	}
	return l.share
}

// CPUShare returns how much of a processor the attempt has used since it was last asked, at least half a second ago, or
// since it started.
func (a *Attempt) CPUShare(now time.Time) float64 {
	task := a.task.Load()
	if task == nil {
		return 0
	}
	return a.load.measure(now, task.Usage().CPU)
}
