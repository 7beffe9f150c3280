package frames

import (
	"testing"
	"time"
)

const (
	maxCalls     = maxCredit / callCost
	callInterval = callCost * creditInterval
)

// A client that gives up most of its calls is read at the pace of callInterval, once it has used up what it had.
func TestTrust(t *testing.T) {
	start := time.Unix(1000, 0)
	for _, tt := range []struct {
		name              string
		answered, givenUp int // calls, one after the other while there are both
		after             time.Duration
		want, wantLater   time.Duration // how long it is not read at once, and after `after`
	}{
		{"nothing", 0, 0, 0, 0, 0},
		{"as many as it may", 0, maxCalls, 0, 0, 0},
		{"one more", 0, maxCalls + 1, callInterval / 4, callInterval, callInterval * 3 / 4},
		{"ten more", 0, maxCalls + 10, 4 * callInterval, 10 * callInterval, 6 * callInterval},
		{"it waits", 0, maxCalls + 10, time.Second, 10 * callInterval, 0},
		{"every other call", 10_000, 10_000, 0, 0, 0},
		{"answers count no more than that", 10_000, 10_000 + maxCalls + 1, 0, 2 * callInterval, 2 * callInterval},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := NewTrust(start)
			for i := range max(tt.answered, tt.givenUp) {
				if i < tt.answered {
					tr.Call(start, start, true)
				}
				if i < tt.givenUp {
					tr.Call(start, start, false)
				}
			}
			if got, ok := tr.Wait(start); got != tt.want || !ok {
				t.Errorf("it is not read for %v, %t, want %v", got, ok, tt.want)
			}
			if got, ok := tr.Wait(start.Add(tt.after)); got != tt.wantLater || !ok {
				t.Errorf("after %v it is not read for %v, %t, want %v", tt.after, got, ok, tt.wantLater)
			}
		})
	}
}

// Calls that have lasted do not count when they are given up, however many there are.
func TestTrustOfLongCalls(t *testing.T) {
	start := time.Unix(1000, 0)
	tr := NewTrust(start)
	for range 10 * maxCalls {
		tr.Call(start, start.Add(minCallAge), false)
	}
	if got, ok := tr.Wait(start.Add(minCallAge)); got != 0 || !ok {
		t.Errorf("it is not read for %v, %t", got, ok)
	}
}

// A connection that stays slow is broken off; one that was trusted again meanwhile is not.
func TestTrustEnds(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Second} {
		now := time.Unix(1000, 0)
		tr := NewTrust(now)
		for range maxCalls {
			tr.Call(now, now, false)
		}
		for end := now.Add(maxOverdrawn + time.Second); now.Before(end); {
			tr.Call(now, now, false)
			wait, ok := tr.Wait(now)
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
		if _, ok := tr.Wait(now); ok != (pause > 0) {
			t.Errorf("with pauses of %v it is in the end %t", pause, ok)
		}
	}
}

// What frames a client may send without an end, and which are bounded beyond what it has of us.
func TestTrustOfFrames(t *testing.T) {
	start := time.Unix(1000, 0)
	const ping, settings, reset, windowUpdate, priority = 0x6, 0x4, 0x3, 0x8, 0x2
	for _, tt := range []struct {
		name     string
		received Header
		cost     int
	}{
		{"data", Header{Kind: Data, Length: 1}, 0},
		{"data that is empty", Header{Kind: Data}, 1},
		{"a head", Header{Kind: Headers, Length: 100}, 1},
		{"a large head", Header{Kind: Headers, Length: 16 << 10}, 33},
		{"an empty piece of a head", Header{Kind: Continuation}, 1},
		{"PING", Header{Kind: ping, Length: 8}, 2},
		{"WINDOW_UPDATE", Header{Kind: windowUpdate, Length: 4}, 1},
		{"RST_STREAM", Header{Kind: reset, Length: 4}, 1},
		{"PRIORITY", Header{Kind: priority, Length: 5}, 1},
		{"empty SETTINGS", Header{Kind: settings}, 1},
		{"large SETTINGS", Header{Kind: settings, Length: 16 << 10}, 2049},
		{"what nobody knows", Header{Kind: 0xff}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := NewTrust(start)
			n := 2 * maxCredit
			for range n {
				tr.Received(tt.received)
			}
			want := time.Duration(max(0, n*tt.cost-maxCredit)) * creditInterval
			if got, ok := tr.Wait(start); got != want || !ok {
				t.Errorf("it is not read for %v, %t, want %v", got, ok, want)
			}
		})
	}
	for _, tt := range []struct {
		name string
		sent Header
		ok   bool
	}{
		{"beside data", Header{Kind: Data, Length: 1}, true},
		{"beside heads", Header{Kind: Headers, Length: 1}, true},
		{"beside its own acknowledgements", Header{Kind: ping, Length: 8}, false},
	} {
		t.Run("PING "+tt.name, func(t *testing.T) {
			tr := NewTrust(start)
			for range 2 * maxCredit {
				tr.Received(Header{Kind: ping, Length: 8})
				tr.Sent(tt.sent)
			}
			if wait, _ := tr.Wait(start); (wait == 0) != tt.ok {
				t.Errorf("it is not read for %v", wait)
			}
		})
	}
}
