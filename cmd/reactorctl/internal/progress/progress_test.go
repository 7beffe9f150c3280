package progress

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/creack/pty"
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

// On a terminal one wait is shown at a time, the last that began: a wait within another does not take turns with it.
func TestWaitsWithin(t *testing.T) {
	master, slave, err := pty.Open()
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	r := New(slave, func(string) string { return "" })
	looked := make(chan struct{})
	watch := func(text string) (done func()) {
		return r.Watch(func(ctx context.Context) (string, bool) {
			select {
			case looked <- struct{}{}:
			case <-ctx.Done():
			}
			return text, true
		})
	}
	outer := watch("outer")
	inner := watch("inner")
	for range 4 {
		<-looked
	}
	inner()
	for range 2 { // after the first of them the outer one is drawn
		<-looked
	}
	outer()
	if err := slave.Close(); err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	_, _ = all.ReadFrom(master) // it fails at the end of what was written
	text := all.String()
	if first, last := strings.Index(text, "outer"), strings.LastIndex(text, "inner"); last < 0 || first < last {
		t.Errorf("they took turns, or were not shown: %q", text)
	}
}
