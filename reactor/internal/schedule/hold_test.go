package schedule

import (
	"math"
	"testing"
	"time"
)

// unit is a MiB.
const unit = 1 << 20

// node is a scheduler with 100 units of memory, on which workloads of any size are started.
type node struct {
	*Scheduler[string, bool]
	t   *testing.T
	now time.Time
}

func newNode(t *testing.T) *node {
	c := roomy
	c.Memory, c.Patience = 100*unit, 5*time.Second
	return &node{New[string, bool](c), t, time.Unix(1000, 0)}
}

// submit adds a workload that needs so much.
func (n *node) submit(name string, need int64) *Entry[string, bool] {
	e := new(Entry[string, bool])
	var module Key // of its own, so that what others come to is no estimate for it
	copy(module[:], name)
	e.Init(name, module, 1, (need-1)*unit)
	n.Add(name[:1], e)
	return e
}

// pass lets time pass, and does what is to be done. It returns what was started.
func (n *node) pass(d time.Duration) (started string) {
	n.now = n.now.Add(d)
	for {
		switch a := n.Next(n.now, 0); a.Kind {
		case Load:
			n.OnLoaded(a.Entry.Key(), true, unit, false)
		case Start:
			if n.Begin(a.Entry, 0, n.now, 0) == Granted {
				n.OnFirstRun(a.Entry)
				started += a.Entry.Value + " "
			}
		case Settle:
			n.OnSettled(a.Entry, a.Entry.Reserved(), n.now)
		default:
			return started
		}
	}
}

func (n *node) want(d time.Duration, started string) {
	n.t.Helper()
	if got := n.pass(d); got != started {
		n.t.Errorf("after %v started %q, want %q", d, got, started)
	}
}

func (n *node) end(e *Entry[string, bool]) {
	n.Free(e, 0)
	n.Finish(e)
	n.Forget(e, n.now)
}

// TestHold follows a large workload that waits for memory on a busy node.
func TestHold(t *testing.T) {
	n := newNode(t)
	service := n.submit("a-service", 60)
	n.want(0, "a-service ")
	large := n.submit("a-large", 90)
	n.want(0, "")
	if need, free, _, short := n.Short(large); !short || need != 90*unit || free != 40*unit {
		t.Errorf("it needs %d, %d are free; short: %v", need, free, short)
	}

	// Others pass, also when it has waited for long: the service alone is in its way.
	n.submit("a-small1", 10)
	n.want(time.Second, "a-small1 ")
	small := n.submit("a-small2", 10)
	n.want(time.Hour, "a-small2 ")

	// The service ends. Those that passed are in the way now: what is free is kept, for a while.
	n.end(service)
	n.submit("a-later", 10)
	other := n.submit("b-other", 10) // another tenant's has its share of the memory
	n.want(0, "b-other ")
	n.end(other)
	n.want(4*time.Second, "")
	n.end(small)
	n.want(0, "a-large ")
}

// What passed and runs for long does not stop the node either.
func TestHoldEnds(t *testing.T) {
	n := newNode(t)
	service := n.submit("a-service", 60)
	n.want(0, "a-service ")
	n.submit("a-large", 90)
	n.want(0, "")
	n.want(6*time.Second, "")
	n.submit("a-passer", 20)
	n.want(0, "a-passer ")
	n.end(service)
	n.submit("a-small", 10)
	n.want(0, "")
	n.want(4*time.Second, "")
	if at, ok := n.Wakeup(); !ok || at.Sub(n.now) > time.Second {
		t.Errorf("the owner is not called: %v, %v", at, ok)
	}
	n.want(time.Second, "a-small ")
}

func TestClasses(t *testing.T) {
	last := 0
	for bytes := int64(1); bytes < math.MaxInt64/2; bytes += bytes/8 + 1 {
		c := classOf(bytes)
		if c < last || c > last+1 || c >= classes {
			t.Fatalf("class of %d is %d, after %d", bytes, c, last)
		}
		last = c
	}
	if classOf(1<<20) == classOf(1<<20+1<<19) {
		t.Error("1 MiB and 1.5 MiB are in one class")
	}
}

func TestEstimates(t *testing.T) {
	var e estimates
	m := Key{1}
	e.atLeast(m, 10)
	e.atLeast(m, 5)
	if got := e.of(m); got != 10 {
		t.Errorf("of what came to 10 and 5: %d", got)
	}
	e.ended(m, 800)
	for range 40 {
		e.ended(m, 8)
	}
	if got := e.of(m); got < 8 || got > 24 {
		t.Errorf("after many of 8: %d", got)
	}
	for i := range 2 * maxEstimates {
		e.ended(Key{2, byte(i), byte(i >> 8)}, 1)
	}
	if len(e.bytes) != maxEstimates {
		t.Errorf("%d are remembered, want %d", len(e.bytes), maxEstimates)
	}
}
