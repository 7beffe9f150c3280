package executor

import (
	"math"
	"testing"
	"time"
)

func TestLasting(t *testing.T) {
	const ms = time.Millisecond
	var l lasting
	step := func(what string, now time.Duration, want time.Duration) {
		t.Helper()
		if got := l.total(now); got != guestTimeOf(want) {
			t.Errorf("%s: %d us, want %v", what, got, want)
		}
	}
	step("nothing", 5*ms, 0)
	l.begin(10 * ms)
	step("one begins", 10*ms, 0)
	step("it goes on", 13*ms, 3*ms)
	l.begin(13 * ms)
	step("two go on", 20*ms, 17*ms)
	l.end(20 * ms)
	step("one goes on", 30*ms, 27*ms)
	l.end(25 * ms)
	step("the end was before the last look", 30*ms, 27*ms)
	l.begin(30 * ms)
	step("what was told too early", 34*ms, 27*ms)
	step("has come true", 36*ms, 28*ms)
	if l.ended != 2 {
		t.Errorf("%d have ended", l.ended)
	}
}

// TestLastingLong: a hundred thousand tasks that wait for a year are no more than can be counted.
func TestLastingLong(t *testing.T) {
	const tasks, year = 100_000, 365 * 24 * time.Hour
	var l lasting
	for range tasks {
		l.begin(time.Hour)
	}
	l.total(year / 2)
	if got, want := l.total(time.Hour+year).Seconds(), tasks*year.Seconds(); math.Abs(got-want) > 1 {
		t.Errorf("%f s, want %f", got, want)
	}
	for range tasks {
		l.end(time.Hour + 2*year)
	}
	if got, want := l.total(5*year).Seconds(), 2*tasks*year.Seconds(); math.Abs(got-want) > 1 {
		t.Errorf("%f s, want %f", got, want)
	}
}
