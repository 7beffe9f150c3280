package service

import (
	"testing"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
)

// owe begins a call that waits with its frames, so that its instance begins with no other one.
func (n *neighbours) owe(provider *workload, p abi.Program, active int) *workload {
	n.Helper()
	w := n.beginWith(p, "owes", none)
	n.until("the other workload has the call", func() bool { return provider.Process.(abi.Server).Counts().Active == active })
	return w
}

// What an instance does not begin with, since its component lets no other call begin, goes to another instance.
func TestGatedCallsMove(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{Instances: 3, Timeout: 3 * time.Second}, 0)
	p := n.load("piping")
	blocking := []*workload{n.owe(provider, p, 1), n.owe(provider, p, 2)}
	for range 3 {
		var all []*workload
		for range 5 {
			all = append(all, n.beginWith(p, "pour", 10))
		}
		for _, w := range all {
			if n.end(w); w.err != nil || w.exit.Result.Bits != 10 {
				t.Errorf("%v, %v", w.exit.Result, w.err)
			}
		}
	}
	for _, w := range blocking {
		w.task.Cancel(errCancelled)
		n.end(w)
	}
	n.idle(provider)
	w := n.beginWith(p, "pour", 10)
	if n.end(w); w.err != nil {
		t.Error(w.err)
	}
}

// What an instance has not begun with is not lost with it.
func TestGatedCallsAreTakenBack(t *testing.T) {
	n := newPipes(t)
	provider := n.providePipes(abi.Service{Instances: 1, Timeout: time.Second}, 0)
	p := n.load("piping")
	blocking := n.owe(provider, p, 1)
	w := n.beginWith(p, "pour", 10)
	n.until("it has that call, too", func() bool { return provider.Process.(abi.Server).Counts().Active == 2 })
	blocking.task.Cancel(errCancelled)
	n.end(blocking)
	if n.end(w); w.err != nil || w.exit.Result.Bits != 10 {
		t.Errorf("%v, %v", w.exit.Result, w.err)
	}
	n.idle(provider)
}
