package wasip2

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
)

func ioPoll() component.Interface {
	return component.Interface{
		Name: "wasi:io/poll", Version: version,
		Types: `resource pollable;`,
		Functions: []component.Function{
			function("[method]pollable.ready", "func(self: borrow<pollable>) -> bool", func(c call) {
				p := [1]*pollable{c.pollables.Get(c.Args.Borrow())}
				c.Results.Bool(c.pass(p[:]))
			}),
			function("[method]pollable.block", "func(self: borrow<pollable>)", func(c call) {
				p := [1]*pollable{c.pollables.Get(c.Args.Borrow())}
				c.poll(p[:])
			}),
			function("poll", "func(in: list<borrow<pollable>>) -> list<u32>", pollList),
		},
		Resources: []component.Resource{
			resource("pollable", func(h *host) *component.Objects[*pollable] { return &h.pollables }),
		},
	}
}

// waitable is something that a component can wait for.
type waitable interface {
	hostcalls.Notifier
	// ready reports whether it is ready after all, when it has notified. It does not wait.
	ready() bool
	// op is the operation that waits for it.
	op() hostcalls.Op
	// waiting is when the component began to wait for it.
	waiting() *hostcalls.WaitStart
}

// pollable waits for a time, for a waitable, or for nothing: then it is always ready.
type pollable struct {
	component.Object
	due    time.Time // or zero
	source waitable  // or nil

	over  bool // in a poll: it is ready
	watch *hostcalls.Watch
}

// Drop implements component.Dropper.
func (*pollable) Drop() {}

// subscribe gives the component a pollable of a part of which it is.
func (c call) subscribe(source waitable, parent component.Dropper) {
	c.Results.Own(give(c, &c.pollables, &pollable{source: source}, parent))
}

const (
	// pollPart is the number of pollables that are looked at between checks of the quantum.
	pollPart = 256
	// pollCost is the cost of waiting for a pollable, in addition to the wait.
	pollCost = 160
	// recheckCost is the cost of looking at a pollable again.
	recheckCost = 60
)

// pollList: poll. A list that is empty traps, as the specification says; so does one that is longer than the limit of what
// a call waits for, since there is no error to return.
func pollList(c call) {
	in := c.Args.List()
	n := in.Len()
	if n == 0 {
		c.Trap("poll was called with no pollables, so that it would never return")
	}
	if n > c.maxPoll {
		c.Refused().Note(c.hostcall(), abi.Refusal{Kind: abi.RefusedOperations, Want: int64(n), Limit: int64(c.maxPoll)})
		c.Trap("poll was called with %d pollables, and the limit is %d", n, c.maxPoll)
	}
	list := make([]*pollable, n)
	for i := range list {
		list[i] = c.pollables.Get(in.Borrow())
	}
	c.poll(list)
	over := make([]uint32, 0, n)
	for i, p := range list {
		if p.over {
			over = append(over, uint32(i))
		}
	}
	out := c.Results.List(len(over))
	for _, i := range over {
		out.U32(i)
	}
}

// poll waits until at least one of the pollables is ready, and marks those that are.
func (c call) poll(list []*pollable) {
	if len(list) == 1 && list[0].source == nil && len(c.unsent) == 0 { // with this most programs sleep
		c.Sleep(list[0].due)
		list[0].over = true
		return
	}
	for !c.await(list, time.Time{}) {
	}
}

// pass marks the pollables that are ready now, and reports whether there is one.
func (c call) pass(list []*pollable) bool { return c.await(list, time.Now()) }

// await marks the pollables that are ready. If none is, it waits until one may be, or until due if that is not zero. What
// was not sent yet goes out meanwhile.
func (c call) await(list []*pollable, due time.Time) (found bool) {
	now := time.Now()
	waits := make([]hostcalls.Wait, 0, len(list)+len(c.unsent))
	for i, p := range list {
		if i%pollPart == 0 {
			c.Charge(int64(min(pollPart, len(list)-i)) * pollCost)
		}
		p.over = false
		switch {
		case p.source == nil && !p.due.After(now):
			p.over, due = true, now
		case p.source == nil:
			due = earlier(due, p.due)
		case p.watch == nil: // else it is in the list twice
			p.watch = &hostcalls.Watch{Notifier: p.source}
			op := p.source.op()
			op.Start = p.source.waiting().Poll(now)
			waits = append(waits, hostcalls.Wait{Op: op, On: p.watch})
		}
	}
	for _, s := range c.unsent {
		waits = append(waits, hostcalls.Wait{Op: s.sendOp(), On: network.Sink(s.tcp)})
	}
	c.AwaitAny(due, waits...)
	c.sendUnsent()
	return c.mark(list)
}

// mark marks the pollables that are ready after a wait.
func (c call) mark(list []*pollable) (found bool) {
	now := time.Now()
	for i, p := range list {
		if i%pollPart == 0 {
			c.Charge(int64(min(pollPart, len(list)-i)) * recheckCost)
		}
		switch {
		case p.over:
		case p.source == nil:
			p.over = !p.due.After(now)
		case p.watch != nil && p.watch.Fired() && p.source.ready():
			p.over = true
			p.source.waiting().End()
		}
		found = found || p.over
	}
	for _, p := range list {
		p.watch = nil
	}
	return found
}

// earlier returns the earlier of two times, of which zero is none.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

// waitFor waits until something may be ready.
func (c call) waitFor(source waitable) {
	p := [1]*pollable{{source: source}}
	c.poll(p[:])
}

// always is a waitable that is always ready, as files are.
type always struct{ start hostcalls.WaitStart }

// Notify implements hostcalls.Notifier.
func (*always) Notify(ready func()) (stop func()) {
	ready()
	return func() {}
}

func (*always) ready() bool                     { return true }
func (*always) op() hostcalls.Op                { return hostcalls.Op{Kind: hostcalls.OpFile} }
func (a *always) waiting() *hostcalls.WaitStart { return &a.start }
