package service

import (
	"errors"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine"
)

// node is the memory of a node for one workload.
type node struct {
	allowance engine.Allowance
	has       int64
	asked     []int64
	wants     int64
	err       error
}

func (n *node) Allowance() *engine.Allowance { return &n.allowance }

func (n *node) Ask(bytes int64) (bool, error) {
	n.asked = append(n.asked, bytes)
	if n.err != nil {
		return false, n.err
	}
	if bytes > n.has {
		n.wants = bytes
		return true, nil
	}
	n.allowance.Grant(bytes)
	return false, nil
}

func (n *node) Waits() bool {
	if n.wants > n.has {
		return true
	}
	n.allowance.Grant(max(n.has, n.wants))
	return false
}

// guest is the task of an instance.
type guest struct {
	wakes int
	cause error
}

func (g *guest) Wake()            { g.wakes++ }
func (g *guest) Cancel(err error) { g.cause = err }

func TestLedger(t *testing.T) {
	n := &node{has: 5 * piece}
	n.allowance.Grant(piece)
	l := &ledger{of: n, fail: func(err error) { t.Errorf("the service failed: %v", err) }}
	one, other := &guest{}, &guest{}
	a, b := &share{ledger: l, task: one}, &share{ledger: l, task: other}
	ask := func(s *share, bytes int64, wantWait bool) {
		t.Helper()
		if wait, err := s.Ask(bytes); wait != wantWait || err != nil {
			t.Fatalf("Ask(%d) = %t, %v, want %t", bytes, wait, err, wantWait)
		}
	}
	ask(a, 10, false) // a piece, which the workload has already
	ask(a, piece, false)
	if len(n.asked) != 0 {
		t.Errorf("the node was asked for %d", n.asked)
	}
	ask(b, 3*piece, false)
	if !slices.Equal(n.asked, []int64{4 * piece}) {
		t.Errorf("the node was asked for %d", n.asked)
	}
	ask(a, 3*piece, true)
	if l.hold(1) {
		t.Error("a request has memory that the workload waits for")
	}
	ask(b, 4*piece, true) // behind a
	l.retry()
	if one.wakes != 0 || !a.Waits() {
		t.Error("a does not wait any more")
	}
	n.has = 6 * piece
	l.retry()
	if one.wakes != 1 || a.Waits() || !b.Waits() {
		t.Errorf("a was woken %d times; it waits: %t, b: %t", one.wakes, a.Waits(), b.Waits())
	}
	a.close() // and b has its memory
	if other.wakes != 1 || b.Waits() {
		t.Error("b waits for memory that was given back")
	}
	b.close()
	if l.held != 0 || l.peakBytes() < 6*piece || n.allowance.Settle() != 0 {
		t.Errorf("%d bytes are held, the peak is %d, the workload has %d", l.held, l.peakBytes(), n.allowance.Settle())
	}
}

// A share that ends while it waits is forgotten.
func TestLedgerForgets(t *testing.T) {
	n := &node{}
	l := &ledger{of: n, fail: func(err error) { t.Errorf("the service failed: %v", err) }}
	g := &guest{}
	s := &share{ledger: l, task: g}
	if wait, err := s.Ask(10); !wait || err != nil {
		t.Fatal(wait, err)
	}
	s.close()
	n.has = 2 * piece
	l.retry()
	if g.wakes != 0 || l.held != 0 {
		t.Errorf("it was woken %d times and has %d bytes", g.wakes, l.held)
	}
}

// If the workload gets no memory, the service ends, and whoever waits for some.
func TestLedgerFails(t *testing.T) {
	n := &node{}
	var failure error
	l := &ledger{of: n, fail: func(err error) { failure = err }}
	g := &guest{}
	s := &share{ledger: l, task: g}
	if wait, _ := s.Ask(10); !wait {
		t.Fatal("it does not wait")
	}
	n.has, n.err = piece/2, errors.New("no")
	n.wants = 0
	l.retry()
	if !errors.Is(failure, n.err) || !errors.Is(g.cause, n.err) {
		t.Errorf("the service has %v, its instance %v, want %v", failure, g.cause, n.err)
	}
	if _, err := (&share{ledger: l, task: g}).Ask(10); !errors.Is(err, n.err) {
		t.Errorf("Ask = %v", err)
	}
}
