package async

import "strings"

// guestDoes carries an operation of a guest out, and reports whether the call goes on running.
func (w *world) guestDoes(c *call, words []string) bool {
	verb, arg := words[0], ""
	if len(words) > 1 {
		arg = words[1]
	}
	object := c.instance.get(arg)
	if running, done := w.callDoes(c, verb, words); done {
		return running
	}
	if running, done := w.setDoes(c, verb, words); done {
		return running
	}
	name, synchronous := strings.CutSuffix(verb, "-sync")
	switch o := object.(type) {
	case *end:
		switch {
		case name == "read" && !o.Writable(), name == "write" && o.Writable():
			items := 1
			if !o.Future() {
				items = number(words[2])
			}
			return w.copies(c, o, uint32(items), synchronous)
		case name == "copy.cancel":
			if err := o.Cancel(synchronous); err != nil {
				return w.traps(err)
			}
			return w.answer(c, "%s", o.outcome(o.Take().Payload))
		case name == "drop":
			if err := o.CanDrop(); err != nil {
				return w.traps(err)
			}
			o.Drop()
			c.instance.remove(o.Index)
			return w.answer(c, "ok")
		}
	case *subtask:
		switch name {
		case "subtask.cancel":
			return w.cancels(c, o, synchronous)
		case "drop":
			if err := o.CanDrop(); err != nil {
				return w.traps(err)
			}
			o.Drop()
			c.instance.remove(o.Index)
			return w.answer(c, "ok")
		}
	case *Set:
		if name == "drop" {
			if err := o.CanDrop(); err != nil {
				return w.traps(err)
			}
			c.instance.remove(uint32(number(arg)))
			return w.answer(c, "ok")
		}
	case *resource:
		if name == "drop" {
			if o.lends > 0 {
				return w.traps(errLent)
			}
			if o.scope != nil {
				o.scope.DropBorrow()
			}
			c.instance.remove(uint32(number(arg)))
			return w.answer(c, "ok")
		}
	}
	return w.traps(errHandle)
}

// traps ends the store. The call does not go on.
func (w *world) traps(err error) bool {
	w.fail(err)
	return false
}

// callDoes carries out what changes the call or its instance, or makes something.
func (w *world) callDoes(c *call, verb string, words []string) (running, done bool) {
	in := c.instance
	switch verb {
	case "exit":
		return w.exits(c), true
	case "callback-yield", "callback-wait":
		return w.leaves(c, verb, words), true
	case "return":
		if err := c.CanReturn(); err != nil {
			return w.traps(err), true
		}
		c.Return()
		w.tellHost(c, "returned")
	case "cancel":
		if err := c.Cancel(); err != nil {
			return w.traps(err), true
		}
		w.tellHost(c, "cancelled")
	case "yield":
		c.Yield()
		return w.waits(c, func() bool { return w.answer(c, "ok") }), true
	case "backpressure.inc":
		if err := in.IncBackpressure(); err != nil {
			return w.traps(err), true
		}
	case "backpressure.dec":
		if err := in.DecBackpressure(); err != nil {
			return w.traps(err), true
		}
	case "resource.new":
		return w.answer(c, "%d", in.add(&resource{})), true
	case "set.new":
		return w.answer(c, "%d", in.add(&Set{})), true
	case "stream.new":
		readable, writable := NewStream[struct{}](itemTypes[words[1]], &in.Instance)
		readable.Index, writable.Index = in.add(readable), in.add(writable)
		return w.answer(c, "%d %d", readable.Index, writable.Index), true
	case "future.new":
		readable, writable := NewFuture[struct{}](itemTypes[words[1]], &in.Instance)
		readable.Index, writable.Index = in.add(readable), in.add(writable)
		return w.answer(c, "%d %d", readable.Index, writable.Index), true
	case "call", "call-async":
		return w.calling(c, verb == "call", words[1:]), true
	default:
		return false, false
	}
	return w.answer(c, "ok"), true
}

// waits makes the call, which has begun a wait, do something after it.
func (w *world) waits(c *call, after func() bool) bool {
	c.after = after
	return false
}

func (w *world) exits(c *call) bool {
	if c.Lift() == Synchronous {
		if err := c.CanReturn(); err != nil {
			return w.traps(err)
		}
		c.Return()
		w.tellHost(c, "returned")
	}
	if err := c.Exit(); err != nil {
		return w.traps(err)
	}
	c.ended = true
	return false
}

// leaves is the return of a core function, or of a callback, that is not the end.
func (w *world) leaves(c *call, verb string, words []string) bool {
	if e, cancelled := c.TakeCancel(); cancelled {
		w.say("%d> %s", c.Number, w.describe(c.instance, e))
		return true
	}
	if verb == "callback-yield" {
		c.YieldCallback()
		return false
	}
	s, ok := c.instance.get(words[1]).(*Set)
	if !ok {
		return w.traps(errHandle)
	}
	c.AwaitCallback(s)
	return false
}

// calling calls a function of an instance or of the host: words are "b callback", or "host later obeys", and the argument.
func (w *world) calling(c *call, synchronous bool, words []string) bool {
	s := &subtask{from: c.instance}
	s.Init(s)
	if words[0] == "host" {
		s.giving = words[3:]
		s.host = &hostImport{subtask: s, obeys: words[2] == "obeys"}
		w.imports = append(w.imports, s.host)
		if words[1] != "later" {
			w.pass(s, nil)
		}
		if words[1] == "now" && !w.over() {
			s.HostReturn()
		}
	} else {
		s.giving = words[2:]
		w.enter(w.newCall(words[0], words[1], s))
	}
	if w.over() {
		return false
	}
	returned := func() bool {
		s.TellEnd()
		return w.answer(c, "returned")
	}
	switch {
	case synchronous && c.AwaitResult(&s.Subtask):
		return w.waits(c, returned)
	case synchronous || s.Resolved():
		return returned()
	}
	packed := s.Expose(c.instance.add(s))
	return w.answer(c, "%s %d", subtaskStates[packed&0xf], packed>>4)
}

// cancels is the built-in subtask.cancel.
func (w *world) cancels(c *call, s *subtask, synchronous bool) bool {
	if err := s.BeginCancel(); err != nil {
		return w.traps(err)
	}
	if !s.Resolved() {
		if s.host != nil {
			if s.host.obeys {
				s.HostCancel()
			}
		} else if callee := w.numbered(s.Callee()); callee.RequestCancel() {
			w.resume(callee)
			if w.over() {
				return false
			}
		}
	}
	ended := func() bool {
		state := s.EndCancel()
		if state == Blocked {
			return w.answer(c, "blocked")
		}
		return w.answer(c, "%s", subtaskStates[state])
	}
	if synchronous && c.AwaitResult(&s.Subtask) {
		return w.waits(c, ended)
	}
	return ended()
}

// setDoes carries the operations of sets out.
func (w *world) setDoes(c *call, verb string, words []string) (running, done bool) {
	switch verb {
	case "set.wait", "set.poll":
		s, ok := c.instance.get(words[1]).(*Set)
		if !ok {
			return w.traps(errHandle), true
		}
		taken := func() bool {
			e, _ := s.Take()
			return w.answer(c, "%s", w.describe(c.instance, e))
		}
		if verb == "set.wait" && c.AwaitSet(s) {
			return w.waits(c, taken), true
		}
		return taken(), true
	case "join":
		var waits *Waitable
		switch o := c.instance.get(words[1]).(type) {
		case *end:
			waits = &o.Waitable
		case *subtask:
			waits = &o.Waitable
		default:
			return w.traps(errHandle), true
		}
		s, ok := c.instance.get(words[2]).(*Set)
		if !ok && words[2] != "0" {
			return w.traps(errHandle), true
		}
		if err := waits.Join(s); err != nil {
			return w.traps(err), true
		}
		return w.answer(c, "ok"), true
	}
	return false, false
}

// copies is a read or a write.
func (w *world) copies(c *call, e *end, items uint32, synchronous bool) bool {
	if err := e.CanCopy(items, synchronous); err != nil {
		return w.traps(err)
	}
	n, err := e.Begin(struct{}{}, items)
	if err != nil {
		return w.traps(err)
	}
	if n > 0 {
		e.Moved(n)
	}
	copied := func() bool { return w.answer(c, "%s", e.outcome(e.Take().Payload)) }
	switch {
	case synchronous && c.Await(&e.Waitable):
		return w.waits(c, copied)
	case !e.HasEvent():
		return w.answer(c, "blocked")
	}
	return copied()
}
