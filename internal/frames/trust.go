package frames

import "time"

// Some of what a client sends costs the server as much as any other request and the client next to nothing: requests that it gives up at
// once, since it does not wait for an answer before it makes the next one (CVE-2023-44487), and frames that flow control does not bound.
const (
	// maxCredit is how much a client may have done for nothing at once, and creditInterval the time after which it may have one more done.
	// The unit is a small frame.
	maxCredit      = 10_000
	creditInterval = time.Millisecond
	// callCost is what a request counts: 250 may be given up in a row, and 25 a second.
	callCost = 40
	// sentCredit is what a frame of a response counts. Its client may update two windows, and measure its way by a PING.
	sentCredit = 4
	// minCallAge is how long a request must have lasted so that giving it up does not count: a wait whose deadline passes, a watch that
	// is closed. A connection can't make many of those.
	minCallAge = 250 * time.Millisecond
	// maxOverdrawn is how long a connection is read slowly before it is closed. What it has sent may be minutes' worth, and its client
	// gone.
	maxOverdrawn = 20 * time.Second
)

// Trust counts what a client may still have the server do for nothing, before its connection is read more slowly. A request that is
// answered earns as much as one given up costs, and the frames of responses as much as those that clients send for them, so only a
// connection with little else is slowed down.
type Trust struct {
	credit         int       // below zero: what was done beyond it
	earnedAt       time.Time // up to when credit was earned by time
	overdrawnSince time.Time // when credit was seen to be below zero
}

// NewTrust returns the trust in a new connection.
func NewTrust(now time.Time) Trust { return Trust{credit: maxCredit, earnedAt: now} }

// Call counts a request that has come at began and has ended now: it was answered, or given up.
func (t *Trust) Call(began, now time.Time, answered bool) {
	t.earn(now)
	switch {
	case answered:
		t.add(callCost)
	case now.Sub(began) < minCallAge:
		t.credit -= callCost
	}
}

// Received counts a frame of the client. Data costs nothing, since flow control bounds it; heads cost little, as they are to be answered;
// anything else costs what it takes to look at it.
func (t *Trust) Received(h Header) {
	switch h.Kind {
	case Data:
		if h.Length == 0 {
			t.credit--
		}
	case Headers, Continuation:
		t.credit -= 1 + h.Length/512
	default:
		t.credit -= 1 + h.Length/8
	}
}

// Sent counts a frame to the client. What only answers frames of the client earns nothing.
func (t *Trust) Sent(h Header) {
	if h.Kind == Data || h.Kind == Headers {
		t.add(sentCredit)
	}
}

// Wait returns for how long the connection must not be read. ok is false if it is to be closed.
func (t *Trust) Wait(now time.Time) (_ time.Duration, ok bool) {
	t.earn(now)
	if t.credit >= 0 {
		return 0, true
	}
	if t.overdrawnSince.IsZero() {
		t.overdrawnSince = now
	}
	return time.Duration(-t.credit)*creditInterval - now.Sub(t.earnedAt), now.Sub(t.overdrawnSince) < maxOverdrawn
}

func (t *Trust) add(n int) { t.credit = min(t.credit+n, maxCredit) }

func (t *Trust) earn(now time.Time) {
	if n := int(now.Sub(t.earnedAt) / creditInterval); n > 0 {
		t.add(n)
		t.earnedAt = t.earnedAt.Add(time.Duration(n) * creditInterval)
	}
	if t.credit > 0 {
		t.overdrawnSince = time.Time{}
	}
}
