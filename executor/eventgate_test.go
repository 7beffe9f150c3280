package executor

import (
	"testing"
	"time"
)

// TestEventGate: each row begins with a poll at the uptime of a second.
func TestEventGate(t *testing.T) {
	const polled = time.Second
	tests := []struct {
		name    string
		inFront int
		taken   map[class]int
		after   time.Duration
		want    bool
	}{
		{"nothing to do", 0, nil, 0, true},
		{"little to do", pollBelow - 1, nil, 0, true},
		{"enough to do", pollBelow, nil, 0, false},
		{"enough to do, and not long", pollBelow, map[class]int{foreground: pollTurns - 1}, pollLatest - 1, false},
		{"enough tasks had their turn", pollBelow, map[class]int{foreground: pollTurns}, 0, true},
		{"others' turns do not count", pollBelow, map[class]int{timed: pollTurns, background: pollTurns}, 0, false},
		{"long", pollBelow, nil, pollLatest, true},
	}
	for _, tt := range tests {
		var g eventGate
		g.onTake(foreground)
		g.onPoll(polled)
		for c, n := range tt.taken {
			for range n {
				g.onTake(c)
			}
		}
		if got := g.open(tt.inFront, polled+tt.after); got != tt.want {
			t.Errorf("%s: open = %v, want %v", tt.name, got, tt.want)
		}
	}
}

// TestEventGateKeepsEventsOut: however many sockets are always ready, few of their tasks are in the queue, and however many
// other tasks are woken, sockets get half of the turns.
func TestEventGateKeepsEventsOut(t *testing.T) {
	for _, others := range []int{0, pollBelow, 1000} {
		var g eventGate
		sockets, most, turns := 0, 0, 0
		var waiting []bool // in order; true stands for a socket's task
		for range others {
			waiting = append(waiting, false)
		}
		const rounds = 100_000
		for range rounds {
			if g.open(len(waiting), 0) {
				g.onPoll(0)
				for range pollTurns / 2 {
					waiting = append(waiting, true)
					sockets++
				}
			}
			most = max(most, sockets)
			g.onTake(foreground)
			if waiting[0] {
				sockets--
				turns++
			} else {
				waiting = append(waiting, false) // it is woken again at once
			}
			waiting = waiting[1:]
		}
		if limit := pollBelow + others + pollTurns; most > limit {
			t.Errorf("%d others: %d sockets' tasks were in the queue at once, want at most %d", others, most, limit)
		}
		if share := float64(turns) / rounds; share < 0.45 {
			t.Errorf("%d others: sockets had %.2f of the turns, want half", others, share)
		}
	}
}
