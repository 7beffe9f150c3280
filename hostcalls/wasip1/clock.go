package wasip1

import (
	"math"
	"time"
)

func clockFunctions() []function {
	return []function{
		{"clock_res_get", "ii", clockResGet},
		{"clock_time_get", "iIi", clockTimeGet},
	}
}

// clockResGet: clock_res_get(id, *resolution).
func clockResGet(_ *Process, m memory, a args) errno {
	if clockid(a.u32(0)) > clockThreadCPU {
		return errnoInval
	}
	return m.putUint64(a.u32(1), 1)
}

// clockTimeGet: clock_time_get(id, precision, *time). The precision is the allowed lag; there is none.
func clockTimeGet(p *Process, m memory, a args) errno {
	var t time.Duration
	switch clockid(a.u32(0)) {
	case clockRealtime:
		t = time.Duration(time.Now().UnixNano())
	case clockMonotonic:
		t = p.uptime(time.Now())
	case clockProcessCPU, clockThreadCPU:
		t = p.Fiber().Task().Usage().CPU
	default:
		return errnoInval
	}
	return m.putUint64(a.u32(2), uint64(t))
}

// uptime is the monotonic clock: the time since the process started. It is never zero, which Go and others take
// for a missing clock.
func (p *Process) uptime(now time.Time) time.Duration { return now.Sub(p.started) + 1 }

// maxWait bounds timeouts, to a hundred years.
const maxWait = 100 * 365 * 24 * time.Hour

// after returns the time a number of nanoseconds after t.
func after(t time.Time, nanoseconds uint64) time.Time {
	return t.Add(time.Duration(min(nanoseconds, uint64(maxWait))))
}

// deadline returns when a clock subscription is due.
func (s *subscription) deadline(now, started time.Time) (time.Time, errno) {
	switch {
	case s.flags&^subclockAbstime != 0 || s.clock > clockThreadCPU:
		return time.Time{}, errnoInval
	case s.clock > clockMonotonic:
		// The CPU time of a program does not advance while it waits.
		return time.Time{}, errnoNotsup
	case s.flags&subclockAbstime == 0:
		return after(now, s.timeout), errnoSuccess
	case s.clock == clockMonotonic:
		return after(started.Add(-1), s.timeout), errnoSuccess
	default:
		return now.Add(until(now.UnixNano(), s.timeout)), errnoSuccess
	}
}

// until returns the duration from now to t on the realtime clock. The wait is then on the monotonic clock:
// setting the wall clock does not affect it.
func until(now int64, t uint64) time.Duration {
	if t > math.MaxInt64 {
		return maxWait
	}
	return min(time.Duration(int64(t)-now), maxWait)
}
