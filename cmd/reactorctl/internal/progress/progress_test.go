package progress

import (
	"bytes"
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Where there is no terminal, a wait is told once, and only a long one.
func TestWait(t *testing.T) {
	for _, c := range []struct {
		name   string
		lasts  time.Duration
		quiet  bool
		silent time.Duration // look has nothing to show for so long
		want   string
	}{
		{"short", 9 * time.Second, false, 0, ""},
		{"long", time.Hour, false, 0, "reactorctl: building\n"},
		{"quiet", time.Hour, true, 0, ""},
		{"at first not worth a word", time.Hour, false, time.Minute, "reactorctl: building\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var out bytes.Buffer
				r := New(&out, func(string) string { return "" })
				r.Quiet = c.quiet
				began := time.Now()
				done := r.Watch(func(context.Context) (string, bool) {
					if time.Since(began) < c.silent {
						return "", true
					}
					return "building", true
				})
				time.Sleep(c.lasts)
				done()
				if out.String() != c.want {
					t.Errorf("printed %q, want %q", out.String(), c.want)
				}
			})
		})
	}
}

func TestSayIsPrintable(t *testing.T) {
	var out bytes.Buffer
	New(&out, func(string) string { return "" }).Say("\x1b]0;owned")
	if want := "reactorctl: \\u001b]0;owned\n"; out.String() != want {
		t.Errorf("printed %q, want %q", out.String(), want)
	}
}
