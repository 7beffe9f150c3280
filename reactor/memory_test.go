package reactor

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/hooks"
)

// TestGuestsGrow runs guests that start with a page and grow to 8 MiB each, on a node that has room for three:
// all succeed, and the node's limit holds.
func TestGuestsGrow(t *testing.T) {
	const node, count = 28 << 20, 20
	r := open(t, func(c *Config) { c.MemoryBytes = node })
	push(t, r, "grow")
	for i := range count {
		submit(t, r, fmt.Sprint(i), api.Spec{Module: "grow"})
	}
	for i := range count {
		w := wait(t, r, fmt.Sprint(i))
		if w.Status.State != api.Succeeded || w.Status.Usage.PeakMemoryBytes < 8<<20 {
			t.Errorf("%d: %+v", i, w.Status)
		}
		// An attempt that goes back may not have come to write.
		text, _ := readLog(t, r, api.LogRequest{ID: w.ID})
		if n := strings.Count(text, "grow\n"); n < 1 || n > int(w.Status.Attempts) || len(text) != n*len("grow\n") {
			t.Errorf("%d attempts wrote %q", w.Status.Attempts, text)
		}
		if used := r.Stats().GuestMemoryBytes; used > node {
			t.Errorf("%d bytes in use, the limit is %d", used, node)
		}
	}
	awaitStats(t, r, "nothing is left", func(s api.Stats) bool { return s.GuestMemoryBytes+s.Pending+s.Running+s.Waiting == 0 })
}

// sendBackSecond has two guests grow, "first" and "second", for which 12 MiB are not enough, so that the second goes
// back, and returns what is attached to the first.
func sendBackSecond(t *testing.T, r *Reactor) *Attachment {
	t.Helper()
	push(t, r, "steps")
	submit(t, r, "first", api.Spec{Module: "steps", Interactive: true})
	awaitWaiting(t, r, "first")
	submit(t, r, "second", api.Spec{Module: "steps", Interactive: true, Stdin: []byte("123456")})
	awaitLog(t, r, "second", "......")
	a := attach(t, r, "first")
	send(t, a, "1234567")
	expect(t, a, ".......")
	return a
}

// TestYoungestGoesBack has two guests grow for which there is not enough: the younger goes back to the queue, visibly,
// and is started again when there is room.
func TestYoungestGoesBack(t *testing.T) {
	r := open(t, func(c *Config) { c.MemoryBytes = 12 << 20 })
	a := sendBackSecond(t, r)
	d := awaitDelay(t, r, "second").Status.Delay
	if d.Reason.String() != "NODE_MEMORY" || !strings.Contains(d.Message, "of 12 MiB") {
		t.Errorf("delayed: %+v", d)
	}
	a.CloseWrite()
	if w := wait(t, r, "first"); w.Status.State != api.Succeeded || w.Status.Attempts != 1 {
		t.Errorf("the first: %+v", w.Status)
	}
	awaitLog(t, r, "second", "............")
	if w := awaitWaiting(t, r, "second"); w.Status.Attempts != 2 || w.Status.Delay != nil {
		t.Errorf("the second: %+v", w.Status)
	}
}

// A guest that went back is started anew before all know of it: what it reads then is not ended with what it read
// before.
func TestSentBackHasItsInput(t *testing.T) {
	again := make(chan struct{})
	r := open(t, func(c *Config) {
		c.MemoryBytes = 12 << 20
		c.Hooks = hooks.Hooks{
			OnLoaded: func(e hooks.Event) {
				if e.ID == "second" && e.Attempt == 2 {
					close(again)
				}
			},
			OnCommitted: func(e hooks.Event, o hooks.Outcome) {
				if e.ID == "second" && o.State == api.Pending && e.Attempt == 1 {
					select {
					case <-again:
					case <-time.After(patience):
						t.Error("it is not started anew")
					}
				}
			},
		}
	})
	a := sendBackSecond(t, r)
	awaitDelay(t, r, "second") // it is in the queue: the end of the first has it started
	a.CloseWrite()
	if w := wait(t, r, "first"); w.Status.State != api.Succeeded { // which is told after what the second one was
		t.Errorf("the first: %+v", w.Status)
	}
	b := attach(t, r, "second")
	expect(t, b, "............")
	send(t, b, "7")
	expect(t, b, ".")
}

// A client that is attached to a guest that goes back is told, rather than left without output and heard by nobody.
func TestSentBackTellsItsClient(t *testing.T) {
	r := open(t, func(c *Config) { c.MemoryBytes = 12 << 20 })
	push(t, r, "steps")
	submit(t, r, "first", api.Spec{Module: "steps", Interactive: true})
	awaitWaiting(t, r, "first")
	submit(t, r, "second", api.Spec{Module: "steps", Interactive: true})
	b := attach(t, r, "second")
	send(t, b, "123456")
	expect(t, b, "......")
	a := attach(t, r, "first")
	send(t, a, "1234567")
	expect(t, a, ".......")
	_, err := b.Next(deadline(t))
	wantClass(t, err, errs.Unavailable, "second", "attach again")
	b.Close()
	a.CloseWrite()
	if w := wait(t, r, "first"); w.Status.State != api.Succeeded {
		t.Errorf("the first: %+v", w.Status)
	}
	awaitWaiting(t, r, "second")
	b = attach(t, r, "second")
	send(t, b, "1")
	expect(t, b, ".......")
}

// Who attaches to a guest that went back gets what its first attempt wrote, before the next one starts.
func TestSentBackIsReplayed(t *testing.T) {
	r := open(t, func(c *Config) { c.MemoryBytes = 12 << 20 })
	a := sendBackSecond(t, r)
	awaitDelay(t, r, "second")
	b := attach(t, r, "second")
	expect(t, b, "......")
	a.CloseWrite()
	send(t, b, "7")
	expect(t, b, ".......")
}

// A guest that went back can be cancelled, and its timeout, which counts from its first start, ends its wait.
func TestSentBackEnds(t *testing.T) {
	held := func() *Reactor {
		r := open(t, func(c *Config) { c.MemoryBytes = 9 << 20 })
		push(t, r, "sleep", "grow")
		submit(t, r, "holder", api.Spec{Module: "sleep", Stdin: make([]byte, 1<<20)})
		awaitWaiting(t, r, "holder")
		return r
	}
	r := held()
	submit(t, r, "cancelled", api.Spec{Module: "grow"})
	awaitDelay(t, r, "cancelled")
	if answer, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"cancelled"}}); err != nil || !answer.Results[0].Cancelled {
		t.Errorf("cancel: %+v, %v", answer.Results, err)
	}
	expire(t, "memory", func(timeout time.Duration) *api.Workload { // of a module of which the node does not know yet what it comes to
		r := held()
		defer shutdown(t, r)
		return run(t, r, "late", api.Spec{Module: "grow", Limits: api.Limits{Timeout: timeout}})
	})
}

// What needs more than the node has is refused with both figures: at submission if its module tells it, else
// when it asks.
func TestMoreThanTheNodeHas(t *testing.T) {
	r := open(t, func(c *Config) { c.MemoryBytes = 17 << 20 })
	push(t, r, "large")
	_, _, err := r.SubmitWorkload(deadline(t), api.SubmitRequest{Spec: api.Spec{Module: "large", Stdin: make([]byte, 1<<20)}})
	wantClass(t, err, errs.InvalidArgument, "17 MiB", "--node-memory")
	r = open(t, func(c *Config) { c.MemoryBytes = 4 << 20 })
	push(t, r, "grow", "recurse")
	w := run(t, r, "grow", api.Spec{Module: "grow"})
	if w.Status.Reason != api.ReasonNodeMemory || !strings.Contains(w.Status.Message, "4.06 MiB") || !strings.Contains(w.Status.Message, "has 4 MiB") || w.Status.Attempts != 1 {
		t.Errorf("grow: %+v", w.Status)
	}
	w = run(t, r, "recurse", api.Spec{Module: "recurse", Limits: api.Limits{StackBytes: 64 << 20}})
	if w.Status.Reason != api.ReasonNodeMemory || !strings.Contains(w.Status.Message, "has 4 MiB") {
		t.Errorf("recurse: %+v", w.Status)
	}
}
