package cli

import (
	"testing"
	"time"
)

func TestInsistence(t *testing.T) {
	for _, tt := range []struct {
		name  string
		after []time.Duration // since the first signal
		want  int             // which signal ends the daemon at once; 0 for none
	}{
		{"once", []time.Duration{0}, 0},
		{"timeout(1)", []time.Duration{0, time.Millisecond}, 0},
		{"just one plea", []time.Duration{0, onePlea - 1}, 0},
		{"again", []time.Duration{0, onePlea}, 2},
		{"timeout(1), and later somebody else", []time.Duration{0, 0, time.Hour}, 3},
		{"three in a row", []time.Duration{0, 0, 0}, 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var i insistence
			start, got := time.Now(), 0
			for n, after := range tt.after {
				if i.onSignal(start.Add(after)) && got == 0 {
					got = n + 1
				}
			}
			if got != tt.want {
				t.Errorf("signal %d ends it, want %d", got, tt.want)
			}
		})
	}
}
