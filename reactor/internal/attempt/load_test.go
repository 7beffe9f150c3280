package attempt

import (
	"testing"
	"time"
)

// A share is of the time since the last look, unless that is too short to tell.
func TestLoad(t *testing.T) {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	l := load{at: start}
	for i, look := range []struct {
		at, cpu time.Duration
		want    float64
	}{
		{100 * time.Millisecond, 100 * time.Millisecond, 0}, // too early to tell
		{2 * time.Second, time.Second, 0.5},
		{2200 * time.Millisecond, 1200 * time.Millisecond, 0.5}, // as before: somebody has only just asked
		{3 * time.Second, 2 * time.Second, 1},
		{4 * time.Second, 4 * time.Second, 2}, // with blocking operations beside it
		{5 * time.Second, 4 * time.Second, 0},
		{4 * time.Second, 4 * time.Second, 0}, // the look of somebody who began earlier
	} {
		if got := l.measure(start.Add(look.at), look.cpu); got != look.want {
			t.Errorf("look %d: %v, want %v", i, got, look.want)
		}
	}
}
