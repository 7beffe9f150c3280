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
		{"as many as it may", 0, trustMost, 0, 0, 0},
		{"one more", 0, trustMost + 1, trustEvery / 4, trustEvery, trustEvery * 3 / 4},
		{"ten more", 0, trustMost + 10, 4 * trustEvery, 10 * trustEvery, 6 * trustEvery},
		{"it waits", 0, trustMost + 10, time.Second, 10 * trustEvery, 0},
		{"every other call", 10_000, 10_000, 0, 0, 0},
		{"answers count no more than that", 10_000, 10_000 + trustMost + 1, 0, 2 * trustEvery, 2 * trustEvery},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tr := newTrust(start)
			for i := range max(tt.answered, tt.givenUp) {
				if i < tt.answered {
					tr.add(start, true)
				}
				if i < tt.givenUp {
					tr.add(start, false)
				}
			}
			if got := tr.wait(start); got != tt.want {
				t.Errorf("it is not read for %v, want %v", got, tt.want)
			}
			if got := tr.wait(start.Add(tt.after)); got != tt.wantLater {
				t.Errorf("after %v it is not read for %v, want %v", tt.after, got, tt.wantLater)
			}
		})
	}
}
