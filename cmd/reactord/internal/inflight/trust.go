package inflight

import "time"

// A call that the client gives up costs the daemon as much as any other and the client next to nothing, since it
// does not wait for an answer before it makes the next one (CVE-2023-44487).
const (
	// maxTrust is how many calls a connection may give up in a row.
	maxTrust = 250
	// trustInterval is the time after which it may give up one more.
	trustInterval = 40 * time.Millisecond
	// minCallAge is how long a call must have lasted so that giving it up does not count: a wait whose
	// deadline passes, a watch that is closed. A connection can't make many of those.
	minCallAge = 250 * time.Millisecond
	// maxOverdrawn is how long a connection is read slowly before it is closed. What it has sent may be
	// minutes' worth, and its client gone.
	maxOverdrawn = 20 * time.Second
)

// trust counts how many more calls a connection may give up before it is read more slowly. An answered call
// earns as much as one given up costs, so only a connection that gives up most of its calls is slowed down.
// It is a plain value: no lock, no clock.
type trust struct {
	credit         int       // below zero: the number of calls given up beyond it
	earnedAt       time.Time // up to when credit was earned by time
	overdrawnSince time.Time // when credit fell below zero
}

func newTrust(now time.Time) trust { return trust{credit: maxTrust, earnedAt: now} }

// add counts a call that was opened at began and has ended now.
func (t *trust) add(began, now time.Time, answered bool) {
	t.earn(now)
	switch {
	case answered:
		t.credit = min(t.credit+1, maxTrust)
	case now.Sub(began) < minCallAge:
		t.credit--
	}
	if t.credit == -1 && t.overdrawnSince.IsZero() {
		t.overdrawnSince = now
	}
}

// wait returns for how long the connection must not be read. ok is false if it is to be closed.
func (t *trust) wait(now time.Time) (_ time.Duration, ok bool) {
	t.earn(now)
	if t.credit >= 0 {
		return 0, true
	}
	return time.Duration(-t.credit)*trustInterval - now.Sub(t.earnedAt), now.Sub(t.overdrawnSince) < maxOverdrawn
}

func (t *trust) earn(now time.Time) {
	if n := int(now.Sub(t.earnedAt) / trustInterval); n > 0 {
		t.credit = min(t.credit+n, maxTrust)
		t.earnedAt = t.earnedAt.Add(time.Duration(n) * trustInterval)
	}
	if t.credit > 0 {
		t.overdrawnSince = time.Time{}
	}
}
