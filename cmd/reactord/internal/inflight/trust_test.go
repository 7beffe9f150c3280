package inflight

import (
	"testing"
	"time"
)

// A client that gives up most of its calls is read at the pace of trustEvery, once it has used up what it had.
func TestTrust(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, tt := range []struct {
		name              string
		answered, givenUp int // calls, one after the other while there are both
		after             time.Duration
		want, wantLater   time.Duration // how long it is not read at once, and after `after`
	}{
		{"nothing", 0, 0, 0, 0, 0},
		{"as many as it may", 0, maxTrust, 0, 0, 0},
		{"one more", 0, maxTrust + 1, trustInterval / 4, trustInterval, trustInterval * 3 / 4},
		{"ten more", 0, maxTrust + 10, 4 * trustInterval, 10 * trustInterval, 6 * trustInterval},
		{"it waits", 0, maxTrust + 10, time.Second, 10 * trustInterval, 0},
		{"every other call", 10_000, 10_000, 0, 0, 0},
		{"answers count no more than that", 10_000, 10_000 + maxTrust + 1, 0, 2 * trustInterval, 2 * trustInterval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrust(start)
			for i := range max(tt.answered, tt.givenUp) {
				if i < tt.answered {
					tr.add(start, start, true)
				}
				if i < tt.givenUp {
					tr.add(start, start, false)
				}
			}
			if got, ok := tr.wait(start); got != tt.want || !ok {
				t.Errorf("it is not read for %v, %t, want %v", got, ok, tt.want)
			}
			if got, ok := tr.wait(start.Add(tt.after)); got != tt.wantLater || !ok {
				t.Errorf("after %v it is not read for %v, %t, want %v", tt.after, got, ok, tt.wantLater)
			}
		})
	}
}

// Calls that have lasted do not count when they are given up, however many there are.
func TestTrustOfLongCalls(t *testing.T) {
	start := time.Unix(1000, 0)
	tr := newTrust(start)
	for range 10 * maxTrust {
		tr.add(start, start.Add(minCallAge), false)
	}
	if got, ok := tr.wait(start.Add(minCallAge)); got != 0 || !ok {
		t.Errorf("it is not read for %v, %t", got, ok)
	}
}

// A connection that stays slow is broken off; one that was trusted again meanwhile is not.
func TestTrustEnds(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Second} {
		now := time.Unix(1000, 0)
		tr := newTrust(now)
		for range maxTrust {
			tr.add(now, now, false)
		}
		for end := now.Add(maxOverdrawn + time.Second); now.Before(end); {
			tr.add(now, now, false)
			wait, ok := tr.wait(now)
			if !ok {
				if pause > 0 || now.Sub(time.Unix(1000, 0)) < maxOverdrawn {
					t.Errorf("with pauses of %v it is broken off after %v", pause, now.Sub(time.Unix(1000, 0)))
				}
				break
			}
			if now = now.Add(wait); now.UnixMilli()%1000 < 40 {
				now = now.Add(pause)
			}
		}
		if _, ok := tr.wait(now); ok != (pause > 0) {
			t.Errorf("with pauses of %v it is in the end %t", pause, ok)
		}
	}
}
