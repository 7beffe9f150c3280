package sqlite

import (
	"errors"
	"strings"
	"testing"
	"time"
)

// TestOutage says for runs of successes and failures what is told.
func TestOutage(t *testing.T) {
	type write struct {
		after time.Duration
		bytes int64
		fails bool
	}
	for _, tc := range []struct {
		name   string
		writes []write
		want   string // + for the beginning, - for the end
	}{
		{"nothing fails", []write{{0, 10, false}, {time.Hour, 10, false}}, ""},
		{"once for many failures", []write{{0, 10, true}, {time.Second, 20, true}, {time.Hour, 5, true}}, "+"},
		{"as much succeeds", []write{{0, 10, true}, {time.Second, 10, false}, {0, 10, false}}, "+-"},
		{"less succeeds", []write{{0, 10, true}, {time.Second, 9, false}}, "+"},
		{"less succeeds for a while", []write{{0, 10, true}, {time.Second, 9, false}, {calm, 9, false}}, "+-"},
		{"small ones and large ones in turn", []write{
			{0, 10, true}, {time.Second, 1, false}, {time.Second, 10, true}, {time.Second, 1, false}, {time.Second, 10, true},
		}, "+"},
		{"again", []write{{0, 10, true}, {time.Second, 10, false}, {time.Second, 5, true}, {time.Second, 5, false}}, "+-+-"},
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
					o.onFailure(errors.New("no space"), w.bytes, now)
				} else {
					o.onSuccess(w.bytes, now)
				}
			}
			if told.String() != tc.want {
				t.Errorf("told %q, want %q", told.String(), tc.want)
			}
		})
	}
}
