package dev

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var (
	errBuild  = errors.New("go build failed")
	errDenied = errors.New("the folder may not be granted")
)

// TestMachine goes through the courses that a user meets. Each step is an event and what is to be done.
func TestMachine(t *testing.T) {
	type step struct {
		event Event
		want  []Action
	}
	begin := []step{
		{Changed{"./guest"}, []Action{Tell{"building ./guest"}, Build{}}},
		{Built{"a"}, []Action{Start{"a"}}},
		{Submitted{"w"}, []Action{Tell{"running as w"}}},
	}
	for name, steps := range map[string][]step{
		"a change": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"b"}, []Action{Tell{"restarting"}, Stop{}}},
			step{Ended{"cancelled"}, []Action{Start{"b"}, Release{"a"}}},
			step{Interrupted{}, []Action{Stop{}}},
			step{Ended{"cancelled"}, []Action{Release{"b"}, Leave{}}},
		),
		"a fault keeps the last one running": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{BuildFailed{errBuild}, []Action{Tell{"go build failed\nthe guest that was built before runs on"}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"b"}, []Action{Tell{"restarting"}, Stop{}}},
		),
		"a fault in the first build": {
			{Changed{"./guest"}, []Action{Tell{"building ./guest"}, Build{}}},
			{BuildFailed{errBuild}, []Action{Tell{"go build failed\nwaiting for a change"}}},
			{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			{Built{"a"}, []Action{Start{"a"}}},
		},
		"a build that is overtaken": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Changed{"x.go"}, []Action{Tell{"x.go changed: building again"}, EndBuild{}}},
			step{Changed{"y.go"}, nil},
			step{BuildFailed{errBuild}, []Action{Build{}}},
			step{Built{"b"}, []Action{Tell{"restarting"}, Stop{}}},
		),
		"a build that is overtaken when it is done": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Changed{"x.go"}, []Action{Tell{"x.go changed: building again"}, EndBuild{}}},
			step{Built{"b"}, []Action{Release{"b"}, Build{}}},
		),
		"the guest ends by itself": append(slices.Clone(begin),
			step{Ended{"exit 3"}, []Action{Tell{"exit 3\nwaiting for a change"}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"a"}, []Action{Start{"a"}, Release{"a"}}},
		),
		"the guest ends by itself while its successor is built": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Ended{"exit 3"}, []Action{Tell{"exit 3"}}},
			step{Built{"b"}, []Action{Start{"b"}, Release{"a"}}},
		),
		"the guest is slow to end": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"b"}, []Action{Tell{"restarting"}, Stop{}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"c"}, []Action{Release{"b"}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{BuildFailed{errBuild}, []Action{Tell{"go build failed"}}},
			step{Ended{"cancelled"}, []Action{Start{"c"}, Release{"a"}}},
		),
		"the first guest is refused": {
			{Changed{"./guest"}, []Action{Tell{"building ./guest"}, Build{}}},
			{Built{"a"}, []Action{Start{"a"}}},
			{Refused{errDenied}, []Action{Release{"a"}, Leave{errDenied}}},
		},
		"a later guest is refused": append(slices.Clone(begin),
			step{Ended{"exit 0"}, []Action{Tell{"exit 0\nwaiting for a change"}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"b"}, []Action{Start{"b"}, Release{"a"}}},
			step{Refused{errDenied}, []Action{Tell{errDenied.Error() + "\nwaiting for a change"}}},
		),
		"an interrupt of the first build": {
			{Changed{"./guest"}, []Action{Tell{"building ./guest"}, Build{}}},
			{Interrupted{}, []Action{EndBuild{}}},
			{Interrupted{}, nil},
			{Changed{"main.go"}, nil},
			{Built{"a"}, []Action{Release{"a"}, Leave{}}},
		},
		"an interrupt of everything": append(slices.Clone(begin),
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Built{"b"}, []Action{Tell{"restarting"}, Stop{}}},
			step{Changed{"main.go"}, []Action{Tell{"main.go changed: building"}, Build{}}},
			step{Interrupted{}, []Action{EndBuild{}}},
			step{Ended{"cancelled"}, nil},
			step{BuildFailed{errBuild}, []Action{Release{"a"}, Release{"b"}, Leave{}}},
		),
		"an interrupt while nothing runs": append(slices.Clone(begin),
			step{Ended{"exit 0"}, []Action{Tell{"exit 0\nwaiting for a change"}}},
			step{Interrupted{}, []Action{Release{"a"}, Leave{}}},
		),
	} {
		t.Run(name, func(t *testing.T) {
			var m Machine
			for i, s := range steps {
				if diff := cmp.Diff(s.want, m.Next(s.event), cmpopts.EquateErrors(), cmpopts.EquateEmpty()); diff != "" {
					t.Fatalf("step %d, %#v: -want +got\n%s", i+1, s.event, diff)
				}
			}
		})
	}
}

// world is what the machine's actions have made of the world: a model of the edge.
type world struct {
	builds   int
	built    int // how many so far
	ending   bool
	guest    string
	stopping bool
	held     map[string]bool
	changed  bool // since the last build began
	accepted bool // the daemon has accepted a guest
	leaving  bool
	left     bool
}

// act carries out actions, and returns what is wrong with them.
func (w *world) act(actions []Action) error {
	for _, action := range actions {
		if w.left {
			return fmt.Errorf("%#v after it has left", action)
		}
		switch a := action.(type) {
		case Build:
			w.builds++
			w.changed = false
			if w.builds > 1 {
				return errors.New("two builds at once")
			}
		case EndBuild:
			if w.builds == 0 || w.ending {
				return errors.New("no build to end")
			}
			w.ending = true
		case Start:
			if w.guest != "" || !w.held[a.Digest] {
				return fmt.Errorf("starts %s, while %q runs and %v are held", a.Digest, w.guest, w.held)
			}
			w.guest = a.Digest
		case Stop:
			if w.guest == "" || w.stopping {
				return errors.New("no guest to stop")
			}
			w.stopping = true
		case Release:
			if !w.held[a.Digest] || a.Digest == w.guest {
				return fmt.Errorf("releases %s, while %q runs and %v are held", a.Digest, w.guest, w.held)
			}
			delete(w.held, a.Digest)
		case Leave:
			w.left = true
			if w.builds > 0 || w.guest != "" || len(w.held) > 0 {
				return fmt.Errorf("leaves behind: %+v", *w)
			}
		}
	}
	if w.changed && w.builds == 0 && !w.leaving {
		return errors.New("a change is lost")
	}
	if len(w.held) > 3 {
		return fmt.Errorf("%d modules are held", len(w.held))
	}
	return nil
}

// events returns what can happen next, and prepares the world for each.
func (w *world) events() []func() Event {
	possible := []func() Event{
		func() Event { w.changed = true; return Changed{"f"} },
		func() Event { w.leaving = true; return Interrupted{} },
	}
	if w.builds > 0 {
		done := func() { w.builds, w.ending = 0, false }
		possible = append(possible,
			func() Event {
				done()
				w.built++
				digest := fmt.Sprint(w.built)
				w.held[digest] = true
				return Built{digest}
			},
			func() Event { done(); return BuildFailed{errBuild} })
	}
	if w.guest != "" {
		done := func() { w.guest, w.stopping = "", false }
		possible = append(possible,
			func() Event { w.accepted = true; return Submitted{"w"} },
			func() Event { done(); return Ended{"exit 0"} },
			func() Event { done(); w.leaving = w.leaving || !w.accepted; return Refused{errDenied} })
	}
	return possible
}

// finish interrupts the machine and lets end what runs.
func (w *world) finish(m *Machine) error {
	w.leaving = true
	if err := w.act(m.Next(Interrupted{})); err != nil {
		return err
	}
	if w.builds > 0 {
		w.builds, w.ending = 0, false
		if err := w.act(m.Next(BuildFailed{errBuild})); err != nil {
			return err
		}
	}
	if w.guest != "" {
		w.guest, w.stopping = "", false
		if err := w.act(m.Next(Ended{"cancelled"})); err != nil {
			return err
		}
	}
	if !w.left {
		return fmt.Errorf("it does not leave: %+v", *w)
	}
	return nil
}

// TestEveryCourse goes through every course of a few events: there is one build and one guest at most, every module is
// released once and none that runs, no change is lost, and nothing is left behind.
func TestEveryCourse(t *testing.T) {
	const depth = 7
	var explore func(course []int)
	explore = func(course []int) {
		var m Machine
		w := world{held: map[string]bool{}}
		var told []string
		if err := w.act(m.Next(Changed{"./guest"})); err != nil {
			t.Fatal(err)
		}
		for _, choice := range course {
			event := w.events()[choice]()
			told = append(told, fmt.Sprintf("%#v", event))
			if err := w.act(m.Next(event)); err != nil {
				t.Fatalf("%s: %v", strings.Join(told, ", "), err)
			}
		}
		if w.left {
			return
		}
		if len(course) == depth {
			if err := w.finish(&m); err != nil {
				t.Fatalf("%s, an interrupt: %v", strings.Join(told, ", "), err)
			}
			return
		}
		for choice := range w.events() {
			explore(append(slices.Clone(course), choice))
		}
	}
	explore(nil)
}
