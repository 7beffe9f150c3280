package inflight

import "time"

// Calls that a client gives up cost the daemon as much as others, and the client next to nothing: it need
// not wait for an answer before it makes the next (CVE-2023-44487).
const (
	// trustMost is how many calls a connection may have given up at once.
	trustMost = 250
	// trustEvery is the time after which it may give up one more.
	trustEvery = 40 * time.Millisecond
)

// trust is how many more calls a connection may give up before it is read more slowly. One that was
// answered earns what one given up costs, so what slows a connection is that it gives up most of them.
// It is a plain value: no lock, no clock.
type trust struct {
	left int // below zero: calls given up beyond
	at   time.Time
}

func newTrust(now time.Time) trust { return trust{trustMost, now} }

// add counts a call that has ended.
func (t *trust) add(now time.Time, answered bool) {
	t.earn(now)
	if answered {
		t.left = min(t.left+1, trustMost)
	} else {
		t.left--
	}
}

// wait is how long the connection is not to be read.
func (t *trust) wait(now time.Time) time.Duration {
	t.earn(now)
	if t.left >= 0 {
		return 0
	}
	return time.Duration(-t.left)*trustEvery - now.Sub(t.at)
}

func (t *trust) earn(now time.Time) {
	if n := int(now.Sub(t.at) / trustEvery); n > 0 {
		t.left = min(t.left+n, trustMost)
		t.at = t.at.Add(time.Duration(n) * trustEvery)
	}
}
