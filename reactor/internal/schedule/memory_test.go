package schedule

import (
	"fmt"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// grow has a workload ask for so much in all, and tells the verdict and who goes back.
func (n *node) grow(e *Entry[string, bool], bytes int64) string {
	v, back := n.Grow(e, bytes*unit, 0)
	s := map[Verdict]string{Granted: "granted", Wait: "wait", GoBack: "go back", TooLarge: "too large"}[v]
	for _, b := range back {
		n.Cancel(b, lifecycle.ForMemory)
		s += " " + b.Value
	}
	return s
}

// sentBack ends a workload's attempt that was told to go back, and queues it again.
func (n *node) sentBack(e *Entry[string, bool]) {
	n.t.Helper()
	n.Free(e, 0)
	n.Finish(e)
	if _, _, _, ok := n.Requeue(e, nil, n.now); !ok {
		n.t.Fatalf("%s is not queued again", e.Value)
	}
}

func (n *node) wantGrow(e *Entry[string, bool], bytes int64, want string) {
	n.t.Helper()
	if got := n.grow(e, bytes); got != want {
		n.t.Errorf("%s asks for %d: %s, want %s", e.Value, bytes, got, want)
	}
}

// One that grows sends back who is younger, the youngest first, and waits until their memory is free.
func TestYoungestGoesBack(t *testing.T) {
	n := newNode(t)
	first, second, third := n.submit("a1", 30), n.submit("a2", 30), n.submit("a3", 30)
	n.want(0, "a1 a2 a3 ")
	n.wantGrow(first, 40, "granted")
	n.wantGrow(first, 101, "too large")
	n.wantGrow(second, 45, "wait a3")
	if !second.Asking() || n.Next(n.now, 0).Kind == Wake {
		t.Error("it does not wait until the memory is free")
	}
	n.wantGrow(third, 60, "go back") // it was told to already
	n.sentBack(third)
	if a := n.Next(n.now, 0); a.Kind != Wake || a.Entry != second || second.Asking() || second.Reserved() != 45*unit {
		t.Errorf("Next = %+v", a)
	}
	n.want(0, "") // the third needs 30, and 15 are free
	if need, _, _, short := n.Short(third); !short || need < 30*unit {
		t.Errorf("it needs %d, short: %v", need, short)
	}
	n.end(first)
	n.want(0, "a3 ")
	n.wantGrow(second, 90, "wait a3") // it kept its age, and is the younger
}

// The tenant's own go before others', however old; the older are left alone.
func TestOwnTenantGoesFirst(t *testing.T) {
	n := newNode(t)
	oldest := n.submit("b1", 20)
	n.want(0, "b1 ")
	asks := n.submit("a1", 20)
	n.want(0, "a1 ")
	n.submit("a2", 20)
	n.want(0, "a2 ")
	n.submit("b2", 20)
	n.want(0, "b2 ")
	n.submit("b3", 20)
	n.want(0, "b3 ")
	n.wantGrow(asks, 35, "wait a2")
	n.wantGrow(oldest, 60, "wait b3 b2")
	if asks.share.leaving {
		t.Error("more go back than have to")
	}
}

// Who asks for more than there is goes back: to get what it asked for, and the second time all that it may use.
func TestAskerGoesBack(t *testing.T) {
	n := newNode(t)
	older := n.submit("a1", 50)
	n.want(0, "a1 ")
	e := n.submit("a2", 10)
	n.want(0, "a2 ")
	n.wantGrow(e, 60, "go back")
	n.sentBack(e)
	if got := n.Wants(e); got != 60*unit {
		t.Errorf("it wants %d", got)
	}
	n.end(older)
	other := n.submit("a3", 40)
	n.want(0, "a2 a3 ")
	n.wantGrow(e, 61, "wait a3") // it is the older now
	n.sentBack(other)
	if a := n.Next(n.now, 0); a.Kind != Wake {
		t.Errorf("Next = %+v", a)
	}
	if got := e.Reserved(); got != 61*unit {
		t.Errorf("it has %d", got)
	}

	n = newNode(t)
	n.submit("a1", 50)
	n.want(0, "a1 ")
	e = n.submit("a2", 10)
	n.want(0, "a2 ")
	n.wantGrow(e, 60, "go back")
	n.sentBack(e)
	e.share.wants = 20 * unit // as if less had been enough
	n.estimates = estimates{}
	n.want(0, "a2 ")
	n.wantGrow(e, 70, "go back")
	if got := n.Wants(e); got != 100*unit {
		t.Errorf("the second time it wants %d, not all that there is", got)
	}
}

// Who waits for all that it may use does not wait for ever beside one that never ends: after a while what it asked for
// is enough, and the next time after a longer while.
func TestAllIsNeverFree(t *testing.T) {
	n := newNode(t)
	goBack := func(e *Entry[string, bool], bytes int64) {
		t.Helper()
		n.wantGrow(e, bytes, "go back")
		n.Free(e, 0)
		n.Finish(e)
		n.Requeue(e, &Why{Trouble: retry.NodeMemory}, n.now)
	}
	wantAfter := func(d time.Duration, started string) {
		t.Helper()
		n.now = n.now.Add(d)
		if at, ok := n.Wakeup(); started != "" && (!ok || at.After(n.now)) {
			t.Errorf("it is woken at %v, %t, not at %v", at, ok, n.now)
		}
		n.Due(n.now, 10)
		n.want(0, started)
	}
	service, first, second := n.submit("a1", 2), n.submit("a2", 48), n.submit("a3", 20)
	n.want(0, "a1 a2 a3 ")
	e := n.submit("a4", 10)
	n.want(0, "a4 ")
	goBack(e, 60)
	n.end(first)
	n.want(0, "a4 ")
	goBack(e, 80)
	n.end(second)
	if n.want(0, ""); n.Wants(e) != 100*unit {
		t.Errorf("it wants %d", n.Wants(e))
	}
	wantAfter(19*time.Second, "")
	wantAfter(time.Second, "a4 ")
	if e.Reserved() != 80*unit {
		t.Errorf("it has %d", e.Reserved())
	}
	other := n.submit("a5", 10)
	n.want(0, "a5 ")
	other.line.yielding.Remove(&other.share.place) // it has gone back for others as often as it may
	goBack(e, 89)
	n.end(other)
	n.want(0, "")
	wantAfter(39*time.Second, "")
	wantAfter(time.Second, "a4 ")
	goBack(e, 99)
	n.want(0, "")
	wantAfter(time.Hour, "") // it has asked for more than is free
	n.end(service)
	n.want(0, "a4 ")
}

// What was sent back three times for others is left alone.
func TestYieldsAreBounded(t *testing.T) {
	n := newNode(t)
	older := n.submit("a0", 50)
	n.want(0, "a0 ")
	e := n.submit("a1", 40)
	n.want(0, "a1 ")
	for i := range maxYields {
		n.wantGrow(older, 70, "wait a1")
		n.sentBack(e)
		if a := n.Next(n.now, 0); a.Kind != Wake {
			t.Fatalf("%d: Next = %+v", i, a)
		}
		n.reserve(older, 50*unit) // it has shrunk
		n.want(0, "a1 ")
	}
	n.wantGrow(older, 70, "go back")
	if fmt.Sprint(n.stages[lifecycle.Running]) != "2" {
		t.Errorf("stages %v", n.stages)
	}
}
