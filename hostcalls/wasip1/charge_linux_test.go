package wasip1

import (
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// stopwatch is a Meter that measures for how long its process keeps the worker, in processor time of the thread: between
// two refills a process stays on one thread.
type stopwatch struct {
	*Process
	thread       int
	began        time.Duration
	all, longest time.Duration
	fuel         int64
}

func threadTime() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

func (s *stopwatch) Refill(quantum int64) {
	s.Process.Refill(quantum)
	s.thread, s.began = unix.Gettid(), threadTime()
}

func (s *stopwatch) Burnt() int64 {
	burnt := s.Process.Burnt()
	if s.thread == unix.Gettid() { // else the worker has changed it meanwhile
		took := threadTime() - s.began
		s.all += took
		s.longest = max(s.longest, took)
		s.fuel += burnt
	}
	return burnt
}

// BenchmarkCharges measures the charge of each costly call per microsecond on a worker, to be compared with
// hostcalls.FuelPerMicrosecond, and the longest time that it keeps a worker without interruption.
func BenchmarkCharges(b *testing.B) {
	table := byName()
	for _, call := range costlyCalls() {
		name := call.function
		if call.name != "" {
			name += "/" + strings.ReplaceAll(call.name, " ", "_")
		}
		b.Run(name, func(b *testing.B) {
			withCostly(b, func(c *caller) {
				if call.prepare != nil {
					call.prepare(c)
				}
				s, run, m := &stopwatch{Process: c.Process}, table[call.function].call, memory{c.mem}
				c.Fiber().SetMeter(s)
				defer c.Fiber().SetMeter(nil)
				run(c.Process, m, call.params) // touches the pages
				c.Fiber().Yield()
				s.all, s.longest, s.fuel = 0, 0, 0
				for b.Loop() {
					c.charge(callCost)
					run(c.Process, m, call.params)
				}
				c.Fiber().Yield()
				b.ReportMetric(float64(s.fuel)/float64(s.all.Nanoseconds())*1000, "fuel/us")
				b.ReportMetric(float64(s.longest.Nanoseconds())/1000, "longest-us")
			})
		})
	}
}
