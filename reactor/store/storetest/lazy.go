package storetest

import (
	"testing"

	"github.com/reactord/reactord/reactor/store"
)

// testLazy checks that a lazy change is committed by itself, never after a later write to the same workload, and
// before the store is closed.
func testLazy(t *testing.T, open Open) {
	lazy := func(t store.Transition) store.Transition {
		t.Lazy = true
		return t
	}
	t.Run("by itself", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a")
		f.must(lazy(start("a", 1)))
		wantEqual(t, "started", f.workload("a").State, store.Running)
		f.must(lazy(finish("a", 1, store.Failed)))
		wantEqual(t, "finished", f.workload("a").State, store.Failed)
	})
	t.Run("before what follows", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a", "b", "c", "d")
		var order []string
		note := func(what string) func(int64, error) {
			return func(_ int64, err error) {
				if err != nil {
					t.Errorf("%s: %v", what, err)
				}
				order = append(order, what)
			}
		}
		f.Transition(lazy(start("a", 1)), note("start a"))
		f.Transition(lazy(finish("a", 1, store.Succeeded)), note("finish a"))
		f.Transition(lazy(start("b", 1)), note("start b"))
		wantIs(t, "append to the log of b", f.appendLog("b", 1, stdout("b")), nil)
		f.Transition(lazy(start("c", 1)), note("start c"))
		f.must(finish("c", 1, store.Cancelled))
		f.Transition(lazy(start("d", 1)), note("start d"))
		again := start("d", 1)
		again.From, again.To = store.States(store.Running), store.Pending
		f.Transition(lazy(again), note("put back d"))
		f.must(lazy(start("d", 2)))
		wantEqual(t, "order", order, []string{"start a", "finish a", "start b", "start c", "start d", "put back d"})
		wantEqual(t, "log", f.log("b", 0, 100), "b")
		d := f.workload("d")
		wantEqual(t, "attempts", d.Attempts, uint32(2))
		wantEqual(t, "the last revision", f.Revision(), d.Revision)
	})
	t.Run("before the close", func(t *testing.T) {
		f := newFixture(t, open, Options{})
		f.submit("a", "b")
		f.Transition(lazy(start("a", 1)), nil)
		f.Transition(lazy(start("b", 1)), nil)
		f.Transition(lazy(finish("b", 1, store.Succeeded)), nil)
		f.reopen(Options{})
		wantEqual(t, "a", f.workload("a").State, store.Running)
		wantEqual(t, "b", f.workload("b").State, store.Succeeded)
	})
}
