package component

import (
	"errors"
	"sync"
	"time"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
)

// This file calls what a component imports from other workloads.

// linkImport is a function that another workload gives.
type linkImport struct {
	link.Function
	by string // what a grant names: the interface, or the function that is imported by itself
}

// linkImports makes functions of the host of what other workloads give, by numbers of the plan's imports.
func (l *loader) linkImports(numbers []int) {
	for _, n := range numbers {
		f := &l.plan.Imports[n]
		made := linkImport{Function: link.Function{Interface: f.Interface, Name: f.Name, Type: f.Func}, by: f.Interface}
		if f.Interface == "" {
			made.by = f.Name
		}
		number := len(l.links)
		l.links = append(l.links, made)
		calls := func(c *Call) { c.callLinked(number) }
		if f.Func.Async {
			calls = func(c *Call) { c.beginLinked(number) }
		}
		l.imported[n] = &Function{Name: f.Name, Call: calls, Later: f.Func.Async}
	}
}

// linkNames returns what grants name of links, each once.
func (d *definition) linkNames() (names []string) {
	known := map[string]bool{}
	for i := range d.links {
		if by := d.links[i].by; !known[by] {
			known[by] = true
			names = append(names, by)
		}
	}
	return names
}

// linked is a function that another workload gives, in a store.
type linked struct {
	link   *link.Link // nil: nothing was granted for it
	number int        // of the function, among what the link imports
	lease  *lease.Lease
}

// LinkImports returns what the component imports from another workload under the name that a grant has: of an interface, whose version
// may be left out, or of a function.
func (s *Store) LinkImports(name string) (imports []link.Function) {
	for i := range s.program.links {
		if f := &s.program.links[i]; link.Same(f.by, name) {
			imports = append(imports, f.Function)
		}
	}
	return imports
}

// Link gives the component what LinkImports has returned for a name, until the lease is revoked. It is for Host.Open.
func (s *Store) Link(name string, to *link.Link, by *lease.Lease) {
	if s.links == nil {
		s.links = make([]linked, len(s.program.links))
	}
	number := 0
	for i := range s.program.links {
		if link.Same(s.program.links[i].by, name) {
			s.links[i] = linked{to, number, by}
			number++
		}
	}
}

// linkedCall is a call of another workload's function. The answer comes from any goroutine.
type linkedCall struct {
	workload string
	by       *lease.Lease
	result   *types.Type
	side     *linkSide // nil: the values have no streams and futures
	op       hostcalls.Op
	cancel   func()
	unwatch  func() // the lease

	mu      sync.Mutex // guards the fields below
	over    bool       // it was answered, or given up
	served  bool       // the other workload has answered
	answer  link.Answer
	waiters hostcalls.Waiters
}

// linkedCost is what a call of another workload costs its caller besides moving the values, in units of fuel.
const linkedCost = 10_000

// startLinked begins a call, whose arguments are read. answered is called once there is an answer.
func (c *Call) startLinked(number int, answered func()) *linkedCall {
	s := c.store
	args := link.Parcel{Values: c.Args.Values()}
	c.Charge(linkedCost)
	var to linked
	if s.links != nil {
		to = s.links[number]
	}
	function := &s.program.links[number]
	if to.link == nil {
		c.Trap("no workload was granted that gives it: --link %s=workload:ID", function.by)
	}
	k := &linkedCall{workload: to.link.Workload(), by: to.lease, result: function.Type.Result}
	if to.lease.Revoked() {
		k.revoked(c)
	}
	if function.Type.Any(func(t *types.Type) bool { return t.Handles }) {
		k.side = &linkSide{store: s, function: function.FullName(), peer: k.workload, by: to.lease}
		var err error
		if args, err = k.side.outgoingAll(function.Type.Params, args.Values); err != nil {
			engine.Abort(err)
		}
	}
	k.op = hostcalls.Op{
		Kind: hostcalls.OpCall, Target: "workload " + k.workload + " " + function.FullName(), Subject: linkSubject{k.workload, to.lease, nil},
	}
	cancel, err := to.link.Call(link.Call{Args: args}, to.number, func(a link.Answer) {
		if k.take(a, true) {
			answered()
		}
	})
	if err != nil {
		c.Trap("%v", err)
	}
	k.cancel = cancel
	k.unwatch = to.lease.OnRevoke(func() {
		if k.take(link.Answer{Err: lease.ErrRevoked}, false) {
			answered()
		}
	})
	return k
}

// take takes the answer, which is the other workload's if it is served, unless the call is over, and tells who waits.
func (k *linkedCall) take(a link.Answer, served bool) bool {
	k.mu.Lock()
	took := !k.over
	k.served = k.served || served
	if took {
		k.over, k.answer = true, a
		k.waiters.Tell()
	}
	k.mu.Unlock()
	if !took {
		a.Discard()
	}
	return took
}

// giveUp gives the call up. An answer that nobody has taken is given back.
func (k *linkedCall) giveUp() {
	k.unwatch()
	k.mu.Lock()
	served, left := k.served, k.answer
	k.over, k.answer = true, link.Answer{}
	k.mu.Unlock()
	left.Discard()
	if served {
		return
	}
	if k.side != nil {
		k.side.givenUp = true
	}
	k.cancel()
}

// answered reports whether there is an answer.
func (k *linkedCall) answered() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.over
}

// Notify implements hostcalls.Notifier.
func (k *linkedCall) Notify(ready func()) (stop func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.waiters.Add(&k.mu, ready, k.over)
}

// finish writes the results, on the store's fiber.
func (k *linkedCall) finish(c *Call) {
	defer k.giveUp()
	k.mu.Lock()
	a := k.answer
	k.mu.Unlock()
	if errors.Is(a.Err, lease.ErrRevoked) {
		k.revoked(c)
	}
	if a.Err != nil {
		c.Trap("workload %s, which gives it: %v", k.workload, a.Err)
	}
	for _, v := range a.Results.Values {
		if k.side != nil {
			if err := k.side.incoming(k.result, &v, a.Results.Streams); err != nil {
				engine.Abort(err)
			}
		}
		c.Results.Value(v)
	}
}

// revoked traps, since what was granted was revoked.
func (k *linkedCall) revoked(c *Call) { c.Trap("the grant was revoked: %s", k.by) }

// beginLinked calls an asynchronous function of another workload.
func (c *Call) beginLinked(number int) {
	o := &Operation{}
	c.Later(o)
	k := c.startLinked(number, o.Done)
	o.Op, o.Finish, o.Cancel = k.op, k.finish, k.giveUp
}

// callLinked calls a synchronous function of another workload. The store waits meanwhile.
func (c *Call) callLinked(number int) {
	k := c.startLinked(number, func() {})
	defer k.giveUp()
	for {
		c.store.readInboxInCall()
		if k.answered() {
			break
		}
		c.AwaitAny(time.Time{}, hostcalls.Wait{Op: k.op, On: k})
	}
	k.finish(c)
}

// readInboxInCall acts upon what others have done so far, in a host function that waits and does not let the component go on: ends of the
// host go on, which others may wait for.
func (s *Store) readInboxInCall() {
	if err := s.readInbox(); err != nil {
		engine.Abort(err)
	}
	if s.loop.over {
		engine.Abort(s.loop.cause())
	}
}

// linkSubject is a call of another workload's function, or a stream of one, as a hostcalls.Peered.
type linkSubject struct {
	workload string
	by       *lease.Lease
	stream   *link.Stream // nil: it is the call
}

// Transferred implements hostcalls.Subject.
func (s linkSubject) Transferred(hostcalls.OpKind) uint64 {
	if s.stream == nil {
		return 0
	}
	return s.stream.Moved()
}

// Grant implements hostcalls.Subject.
func (s linkSubject) Grant() string { return s.by.String() }

// Peer implements hostcalls.Peered.
func (s linkSubject) Peer() string { return s.workload }
