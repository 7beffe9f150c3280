package sqlite

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestOutage says for runs of successes and failures what is told.
func TestOutage(t *testing.T) {
	const fails, succeeds = true, false
	type write struct {
		after time.Duration
		fails bool
	}
	inTurn := make([]write, 10_000) // at a bound, where room is made all the time
	for i := range inTurn {
		inTurn[i] = write{time.Second, i%2 == 0}
	}
	for _, tc := range []struct {
		name   string
		writes []write
		want   string // + for the beginning, - for the end
	}{
		{"nothing fails", []write{{0, succeeds}, {time.Hour, succeeds}}, ""},
		{"once for many failures", []write{{0, fails}, {time.Second, fails}, {time.Hour, fails}}, "+"},
		{"one succeeds at once", []write{{0, fails}, {time.Second, succeeds}, {0, succeeds}}, "+"},
		{"one succeeds after a while", []write{{0, fails}, {time.Second, succeeds}, {calm, succeeds}, {0, succeeds}}, "+-"},
		{"successes and failures in turn", inTurn, "+"},
		{"again", []write{{0, fails}, {calm, succeeds}, {time.Second, fails}, {calm, succeeds}}, "+-+-"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var told strings.Builder
			o := outage{onChange: func(err error) {
				if err != nil {
					told.WriteString("+")
				} else {
					told.WriteString("-")
				}
			}}
			now := time.Time{}
			for _, w := range tc.writes {
				now = now.Add(w.after)
				if w.fails {
					o.onFailure(errors.New("no space"), now)
				} else {
					o.onSuccess(now)
				}
			}
			if told.String() != tc.want {
				t.Errorf("told %q, want %q", told.String(), tc.want)
			}
		})
	}
}
