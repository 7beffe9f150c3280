package component

import (
	"runtime"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/reactord/reactord/component/compose"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/activity"
)

// sleepingNode is a node whose host has a clock.
func sleepingNode(t testing.TB) *node {
	t.Helper()
	n := newNode(t, Config{})
	a, err := New(clocks(n.executor.Driver()))
	if err != nil {
		t.Fatal(err)
	}
	n.abi = a
	return n
}

// crowd is a component that makes many calls of another one at once.
func (n *node) crowd() *Program {
	n.Helper()
	folder := "../../examples/component-sleeper/"
	joined, err := compose.Join(part(n, folder+"crowd"), []compose.Plug{{Part: part(n, folder+"sleeper")}}, compose.Options{})
	if err != nil {
		n.Fatal(err)
	}
	p, err := n.abi.Load(n.Context(), n.engine, sourceOf(joined))
	if err != nil {
		n.Fatal(err)
	}
	n.Cleanup(p.Release)
	return p.(*Program)
}

// What calls do and wait for is told while they wait, also of many.
func TestActivity(t *testing.T) {
	n := sleepingNode(t)
	n.inService(n.crowd(), func(s *Store) {
		const calls = 1000
		begun := make(chan struct{})
		before := time.Now()
		s.Do(func() error {
			close(begun)
			return s.Invoke("crowd", u32s(calls, 1, 3_600_000), func([]value.Value) {})
		})
		<-begun
		want := &activity.Activity{
			Calls: []activity.Calls{{Instance: 1, Export: "sleep", State: activity.Callback, Count: calls}, {Instance: 0, Export: "crowd", State: activity.Callback, Count: 1}},
		}
		var got *activity.Activity
		for range 1000 {
			if got = s.Activity(); !got.Busy && len(got.Calls) == 2 {
				break
			}
			time.Sleep(time.Millisecond)
		}
		t.Logf("%+v", got)
		if diff := cmp.Diff(want.Calls, got.Calls, cmpopts.IgnoreFields(activity.Calls{}, "Oldest", "Instance", "Export")); diff != "" {
			t.Error(diff)
		}
		for _, c := range got.Calls {
			if c.Oldest.Before(before.Add(-time.Millisecond)) || c.Oldest.After(time.Now()) {
				t.Errorf("%s was made at %v", c.Export, c.Oldest)
			}
		}
		if n := s.Calls(); n != calls+1 {
			t.Errorf("%d calls are in progress", n)
		}
	})
}

// A store that wants to go on waits for one piece of a look, not for the others.
func TestLookEnds(t *testing.T) {
	var l looks
	runs := make(chan struct{})
	pieces := 0
	whole := l.look(func() (more bool) {
		if pieces++; pieces == 1 {
			go func() {
				l.run()
				close(runs)
			}()
			for !l.wanted.Load() {
				runtime.Gosched()
			}
		}
		return pieces < 1000
	})
	<-runs
	if whole || pieces > 1 {
		t.Errorf("%d pieces were read, all: %t", pieces, whole)
	}
	if l.look(func() bool { t.Error("it looks at a store that runs"); return false }) {
		t.Error("all of a store that runs was read")
	}
	l.stop()
	if !l.look(func() bool { return false }) {
		t.Error("a store that waits is not looked at")
	}
}

// BenchmarkActivity looks at 100,000 calls that wait.
func BenchmarkActivity(b *testing.B) {
	n := sleepingNode(b)
	n.inService(n.crowd(), func(s *Store) {
		const calls = 100_000
		s.Do(func() error { return s.Invoke("crowd", u32s(calls, 1, 3_600_000), func([]value.Value) {}) })
		for s.Calls() <= calls {
			time.Sleep(time.Millisecond)
		}
		b.ResetTimer()
		for b.Loop() {
			s.Activity()
		}
	})
}
