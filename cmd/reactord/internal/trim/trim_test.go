package trim

import (
	"context"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
)

func TestDue(t *testing.T) {
	const mib = 1 << 20
	for _, c := range []struct {
		name        string
		now, before heap
		want        bool
	}{
		{"a small daemon", heap{objects: 12 * mib, live: 6 * mib}, heap{objects: 12 * mib}, false},
		{"garbage after a burst", heap{objects: 200 * mib, live: 100 * mib, stacks: 80 * mib}, heap{objects: 200 * mib}, true},
		{"a little garbage after a burst", heap{objects: 110 * mib, live: 100 * mib, stacks: 80 * mib}, heap{objects: 110 * mib}, true},
		{"still growing", heap{objects: 200 * mib, live: 100 * mib}, heap{objects: 170 * mib}, false},
		{"little garbage beside much in use", heap{objects: 1020 * mib, live: 1000 * mib, stacks: 800 * mib}, heap{objects: 1020 * mib}, false},
		{"free and not given back", heap{objects: 10 * mib, live: 10 * mib, idle: 500 * mib}, heap{objects: 300 * mib}, true},
	} {
		if got := c.now.due(c.before); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

// TestRun leaves garbage behind and finds it gone after a while.
func TestRun(t *testing.T) {
	// No collection while it is made: how much is known to be live after that depends on when it was.
	runtime.GC()
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	read := newReader()
	garbage := make([][]byte, 0, 128)
	for range cap(garbage) {
		garbage = append(garbage, make([]byte, 1<<20))
	}
	runtime.KeepAlive(garbage)
	littered := read()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 4*interval)
		defer cancel()
		Run(ctx)
	})
	if now := read(); now.objects+now.idle > littered.objects/2 {
		t.Errorf("%d bytes of objects and %d idle are left of %d", now.objects, now.idle, littered.objects)
	}
}
