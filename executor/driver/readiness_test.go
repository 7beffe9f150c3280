package driver

import "testing"

func TestReadiness(t *testing.T) {
	type step func(r, seen Readiness) Readiness
	event := func(bits Readiness) step { return func(r, _ Readiness) Readiness { return r.after(bits) } }
	exhausted := func(dir Direction) step { return func(r, seen Readiness) Readiness { return r.exhausted(dir, seen) } }
	drained := func(dir Direction) step { return func(r, seen Readiness) Readiness { return r.drained(dir, seen) } }
	for _, tt := range []struct {
		name   string
		before []step // then somebody reads the readiness and tries
		during []step // what happens until they say how it went
		result step
		want   Readiness // without the number of events
	}{
		{"nobody has tried", nil, nil, event(0), unknown},
		{"a try fails", nil, nil, exhausted(Readable), writable},
		{"a try to write fails", nil, nil, exhausted(Writable), readable},
		{"an event while trying", nil, []step{event(readable)}, exhausted(Readable), unknown},
		{"an event of the other direction while trying", nil, []step{event(writable)}, exhausted(Readable), writable},
		{"two events before, none while trying", []step{event(readable), event(writable)}, nil, exhausted(Readable), writable},
		{"somebody else has found it first", nil, []step{exhausted(Readable)}, exhausted(Readable), writable},
		{"both directions", nil, []step{exhausted(Writable)}, exhausted(Readable), 0},
		{"ready again", nil, []step{exhausted(Readable), exhausted(Writable)}, event(readable), readable},
		{"a short read", nil, nil, drained(Readable), writable},
		{"a short read, and an event", nil, []step{event(readable)}, drained(Readable), unknown},
		{"a short read before the end", []step{event(readable | ending)}, nil, drained(Readable), unknown | ending},
		{"a failing try at the end", []step{event(readable | ending)}, nil, exhausted(Readable), writable | ending},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := unknown
			for _, s := range tt.before {
				r = s(r, r)
			}
			seen := r
			for _, s := range append(tt.during, tt.result) {
				r = s(r, seen)
			}
			if got := r & (1<<flagBits - 1); got != tt.want {
				t.Errorf("readiness is %b, want %b", got, tt.want)
			}
			for dir := range directions {
				if r.Ready(dir) != (tt.want&(1<<dir) != 0) {
					t.Errorf("Ready(%d) is %v", dir, r.Ready(dir))
				}
			}
		})
	}
}

// TestReadinessCounts: the numbers of events of the two directions are apart, also when they begin again.
func TestReadinessCounts(t *testing.T) {
	r := unknown | counted<<flagBits
	if got := r.after(readable); got != unknown {
		t.Errorf("after the last number: %b", got)
	}
	r = unknown.after(readable).after(readable).after(writable)
	if in, out := r.events(Readable), r.events(Writable); in != 2 || out != 1 {
		t.Errorf("%d and %d events, want 2 and 1", in, out)
	}
}
