package async

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// chance makes the choices of a random script.
type chance interface {
	// pick returns a number below n.
	pick(n int) int
}

type seeded struct{ *rand.Rand }

func (s seeded) pick(n int) int { return s.IntN(n) }

// bytesChance takes its choices from the input of a fuzz test.
type bytesChance struct{ bytes []byte }

func (b *bytesChance) pick(n int) int {
	if len(b.bytes) == 0 {
		return 0
	}
	choice := int(b.bytes[0]) % n
	b.bytes = b.bytes[1:]
	return choice
}

// random is a script of so many operations: mostly what a guest may do, seldom what it may not.
type random struct {
	chance
	operations int // afterwards guests end, and so does the script when the host is asked
	calls      int // that it makes at most
	faults     int // one operation in so many is likely to trap; 0: none
	busy       int // one in so many makes something, calls, or brings a call nearer to its end
}

// newRandom makes a random script, and chooses how it is.
func newRandom(c chance) *random {
	r := &random{chance: c}
	r.operations = 20 << r.pick(4)
	r.calls = 3 << r.pick(3)
	r.faults = []int{0, 10, 40, 120}[r.pick(4)]
	r.busy = 2 << r.pick(3)
	return r
}

func (r *random) one(of ...string) string { return of[r.pick(len(of))] }

func (r *random) next(w *world, c *call) string {
	r.operations--
	switch {
	case c == nil && r.operations < 0:
		return ""
	case c == nil:
		return r.host(w)
	case r.operations < 0:
		return dutiful{}.next(w, c)
	}
	if r.faults > 0 && r.pick(r.faults) == 0 {
		return r.fault(c)
	}
	return r.guest(w, c)
}

func (r *random) host(w *world) string {
	idle := !slices.ContainsFunc(w.calls, mayRun)
	switch {
	case len(w.calls) < 2, idle && len(w.calls) < r.calls, r.pick(8) == 0 && len(w.calls) < r.calls:
		return fmt.Sprintf("call %s %s%s", r.one("a", "b", "c"), r.kind(), r.hostGives(w))
	case idle && r.pick(8) == 0:
		return "tick" // finds nothing
	}
	if s := r.hostCopies(w); s != "" && (idle || r.pick(3) == 0) {
		return s
	}
	for _, n := range r.order(len(w.imports)) {
		switch s := w.imports[n].subtask; {
		case !idle && r.pick(3) > 0, s.Resolved():
		case s.State() == SubtaskStarting:
			return fmt.Sprintf("start %d", n+1)
		case s.cancelled && r.pick(2) == 0:
			return fmt.Sprintf("cancelled %d", n+1)
		default:
			return fmt.Sprintf("return %d", n+1)
		}
	}
	if !idle && r.pick(10) > 0 {
		return "tick"
	}
	for _, n := range r.order(len(w.calls)) {
		if c := w.calls[n]; c.subtask == nil && (c.state == initial || c.state == started) {
			return fmt.Sprintf("cancel %d", c.Number)
		}
	}
	if idle {
		return "" // nothing can happen any more
	}
	return "tick"
}

// hostGives is the argument of a call by the host.
func (r *random) hostGives(w *world) string {
	for _, n := range r.order(len(w.ends)) {
		if e := w.ends[n]; e != nil && !e.Writable() && e.CanGive() == nil && !e.HasEvent() {
			return give(n+1, e)
		}
	}
	return ""
}

// hostCopies is an operation on an end that the host has, or "".
func (r *random) hostCopies(w *world) string {
	if r.pick(8) == 0 {
		return r.one("stream.new ", "future.new ") + r.one("u8", "none", "bool")
	}
	for _, n := range r.order(len(w.ends)) {
		e := w.ends[n]
		switch {
		case e == nil:
		case e.CanDrop() == nil && (e.state == done || r.pick(6) == 0):
			return fmt.Sprintf("drop %d", n+1)
		case e.state == copying && e.HasEvent():
			return fmt.Sprintf("take %d", n+1)
		case e.state == copying && r.pick(6) == 0:
			return fmt.Sprintf("copy.cancel %d", n+1)
		case e.state == idle && e.Future():
			return fmt.Sprintf("%s %d", copyVerb(e), n+1)
		case e.state == idle:
			return fmt.Sprintf("%s %d %d", copyVerb(e), n+1, r.pick(5))
		}
	}
	return ""
}

func copyVerb(e *end) string {
	if e.Writable() {
		return "write"
	}
	return "read"
}

// order is the numbers below n, from a random one on.
func (r *random) order(n int) (order []int) {
	if n == 0 {
		return nil
	}
	first := r.pick(n)
	for i := range n {
		order = append(order, (first+i)%n)
	}
	return order
}

func (r *random) kind() string {
	return r.one("callback", "callback", "callback", "callback", "sync", "stackful", "plain")
}

// guest is an operation that is likely not to trap. An object of the table is as likely to be used as any of the call's own
// operations is.
func (r *random) guest(w *world, c *call) string {
	in := c.instance
	if len(in.table) > 1 && r.pick(r.busy) > 0 {
		index := 1 + r.pick(len(in.table)-1)
		if s := r.uses(c, index, in.table[index]); s != "" {
			return s
		}
	}
	switch r.pick(16) {
	case 0:
		return "stream.new " + r.one("u8", "u8", "none", "bool")
	case 1:
		return "future.new " + r.one("u8", "u8", "none", "bool")
	case 2:
		return "set.new"
	case 3:
		return "resource.new"
	case 4, 5, 6:
		if len(w.calls) < r.calls {
			return r.calling(in)
		}
	case 7:
		return r.one("call", "call-async", "call-async") + " host " + r.one("now", "start", "later") + r.one(" obeys", " ignores") + r.argument(in)
	case 8:
		switch {
		case in.backpressure > 0:
			return "backpressure.dec"
		case r.pick(3) == 0:
			return "backpressure.inc"
		}
	case 9:
		return "yield"
	}
	return r.ends(c)
}

// ends brings the call nearer to its end, or makes it wait.
func (r *random) ends(c *call) string {
	if c.Lift() != Synchronous && !c.Resolved() && c.borrows == 0 && r.pick(2) == 0 {
		if c.state == cancelDelivered && r.pick(2) == 0 {
			return "cancel"
		}
		return "return"
	}
	if drop := dropsBorrow(c); drop != "" {
		return drop
	}
	if c.Lift() == WithCallback {
		if set := r.set(c.instance); set > 0 && r.pick(3) > 0 {
			return fmt.Sprintf("callback-wait %d", set)
		}
		if r.pick(2) == 0 {
			return "callback-yield"
		}
	}
	if c.borrows == 0 && (c.Resolved() || c.Lift() == Synchronous) {
		return "exit"
	}
	return "yield"
}

// dropsBorrow drops a handle that the call has borrowed, if it can.
func dropsBorrow(c *call) string {
	for index, object := range c.instance.table {
		if o, ok := object.(*resource); ok && o.scope == c && o.lends == 0 {
			return fmt.Sprintf("drop %d", index)
		}
	}
	return ""
}

// dutiful is a script whose guests return and end as soon as they can.
type dutiful struct{}

func (dutiful) next(_ *world, c *call) string {
	if c == nil {
		return ""
	}
	drop := dropsBorrow(c)
	switch {
	case drop != "":
		return drop
	case c.borrows > 0:
		return "" // what has borrowed them from it may never end
	case !c.Resolved() && c.Lift() != Synchronous:
		return "return"
	}
	return "exit"
}

// set is the index of a set of the instance, or 0.
func (r *random) set(in *instance) int {
	var sets []int
	for index, object := range in.table {
		if _, ok := object.(*Set); ok {
			sets = append(sets, index)
		}
	}
	if len(sets) == 0 {
		return 0
	}
	return sets[r.pick(len(sets))]
}

// argument is one of a call, or "".
func (r *random) argument(in *instance) string {
	index := r.pick(len(in.table))
	switch o := in.table[index].(type) {
	case *resource:
		return fmt.Sprintf(" lend %d", index)
	case *end:
		if !o.Writable() && o.CanGive() == nil {
			return give(index, o)
		}
	}
	return ""
}

func (r *random) calling(in *instance) string {
	kind, verb := r.kind(), "call"
	if kind != "plain" && r.pick(4) > 0 {
		verb = "call-async"
	}
	return fmt.Sprintf("%s %s %s%s", verb, r.one("a", "b", "c"), kind, r.argument(in))
}

func give(index int, e *end) string {
	what, item := "stream", "none"
	if e.Future() {
		what = "future"
	}
	for name, t := range itemTypes {
		if t == e.Item() {
			item = name
		}
	}
	return fmt.Sprintf(" give %d %s %s", index, what, item)
}

// uses is an operation on an object that its state allows, or "".
func (r *random) uses(c *call, index int, object any) string {
	switch o := object.(type) {
	case *end:
		return r.usesEnd(c, index, o)
	case *subtask:
		switch {
		case o.CanDrop() == nil:
			return fmt.Sprintf("drop %d", index)
		case r.pick(3) > 0 && !o.busy && o.waiter == nil:
			return r.joins(c.instance, index, o.InSet())
		case !o.InSet() && !o.cancelled:
			return fmt.Sprintf("subtask.cancel%s %d", r.one("", "", "-sync"), index)
		}
	case *Set:
		switch {
		case o.HasEvent(), o.Members() > 0 && r.pick(3) == 0, r.pick(20) == 0:
			return fmt.Sprintf("set.%s %d", r.one("wait", "poll"), index)
		case o.CanDrop() == nil && r.pick(4) == 0:
			return fmt.Sprintf("drop %d", index)
		}
	case *resource:
		if o.lends == 0 && r.pick(4) == 0 {
			return fmt.Sprintf("drop %d", index)
		}
	}
	return ""
}

// joins is how a waitable joins a set, or leaves it.
func (r *random) joins(in *instance, index int, joined bool) string {
	set := r.set(in)
	switch {
	case joined && r.pick(4) > 0:
		return ""
	case joined && r.pick(2) == 0:
		set = 0
	}
	return fmt.Sprintf("join %d %d", index, set)
}

func (r *random) usesEnd(c *call, index int, e *end) string {
	synchronous := ""
	if !e.InSet() && r.pick(4) == 0 {
		synchronous = "-sync"
	}
	switch {
	case e.waiter == nil && r.pick(5) == 0:
		return r.joins(c.instance, index, e.InSet())
	case e.state == copying && e.waiter == nil && r.pick(3) == 0:
		return fmt.Sprintf("copy.cancel%s %d", synchronous, index)
	case e.state == done, e.CanDrop() == nil && r.pick(6) == 0:
		return fmt.Sprintf("drop %d", index)
	case e.state != idle:
		return ""
	}
	if e.owner == e.otherOwner() && !isNumber(e.item) && e.other.held {
		return "" // that would trap, if there are items
	}
	verb := copyVerb(e)
	if e.Future() {
		return fmt.Sprintf("%s%s %d", verb, synchronous, index)
	}
	return fmt.Sprintf("%s%s %d %d", verb, synchronous, index, r.pick(5))
}

func (e *End[B]) otherOwner() *Instance {
	if e.other == nil {
		return nil
	}
	return e.other.owner
}

// fault is an operation that may well trap.
func (r *random) fault(c *call) string {
	index := 0
	if n := len(c.instance.table); n > 1 {
		index = 1 + r.pick(n-1)
	}
	switch o := c.instance.table[index].(type) {
	case *end:
		verb := copyVerb(o)
		items := ""
		if !o.Future() {
			items = " 2"
		}
		return r.one(
			fmt.Sprintf("%s %d%s", verb, index, items), fmt.Sprintf("%s-sync %d%s", verb, index, items),
			fmt.Sprintf("copy.cancel %d", index), fmt.Sprintf("copy.cancel-sync %d", index),
			fmt.Sprintf("drop %d", index), fmt.Sprintf("join %d %d", index, r.set(c.instance)),
			"call-async b callback"+give(index, o), "subtask.cancel "+fmt.Sprint(index),
		)
	case *subtask:
		return fmt.Sprintf(r.one("drop %d", "subtask.cancel %d", "subtask.cancel-sync %d", "join %d 0"), index)
	case *Set:
		return fmt.Sprintf(r.one("drop %d", "join 1 %d", "set.poll %d"), index)
	case *resource:
		return fmt.Sprintf(r.one("drop %d", "set.wait %d"), index)
	}
	if c.Lift() == Synchronous {
		return r.one("backpressure.dec", "exit")
	}
	return r.one("return", "cancel", "exit", "backpressure.dec")
}
