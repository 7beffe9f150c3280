package inflight

import "time"

// Calls that a client gives up cost the daemon as much as others, and the client next to nothing: it need
// not wait for an answer before it makes the next (CVE-2023-44487).
const (
	// trustMost is how many calls a connection may have given up at once.
	trustMost = 250
	// trustEvery is the time after which it may give up one more.
	trustEvery = 40 * time.Millisecond
	// trustAge is how long a call has to last in order not to count when it is given up: a wait whose
	// deadline passes, a watch that is closed. A connection can't make that many of them.
	trustAge = 250 * time.Millisecond
	// trustPatience is for how long a connection is read slowly before it is broken off. What it has sent may
	// be minutes' worth, and its client gone.
	trustPatience = 20 * time.Second
)

// trust is how many more calls a connection may give up before it is read more slowly. One that was
// answered earns what one given up costs, so what slows a connection is that it gives up most of them.
// It is a plain value: no lock, no clock.
type trust struct {
	left  int // below zero: calls given up beyond
	at    time.Time
	since time.Time // when left fell below zero
}

func newTrust(now time.Time) trust { return trust{left: trustMost, at: now} }

// add counts a call that has ended, and began then.
func (t *trust) add(began, now time.Time, answered bool) {
	t.earn(now)
	switch {
	case answered:
		t.left = min(t.left+1, trustMost)
	case now.Sub(began) < trustAge:
		t.left--
	}
	if t.left == -1 && t.since.IsZero() {
		t.since = now
	}
}

// wait is how long the connection is not to be read; it is false if the connection is to be broken off.
func (t *trust) wait(now time.Time) (_ time.Duration, ok bool) {
	t.earn(now)
	if t.left >= 0 {
		return 0, true
	}
	return time.Duration(-t.left)*trustEvery - now.Sub(t.at), now.Sub(t.since) < trustPatience
}

func (t *trust) earn(now time.Time) {
	if n := int(now.Sub(t.at) / trustEvery); n > 0 {
		t.left = min(t.left+n, trustMost)
		t.at = t.at.Add(time.Duration(n) * trustEvery)
	}
	if t.left > 0 {
		t.since = time.Time{}
	}
}
