package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/types"
)

// end is an end of a stream or future.
type end = async.End[buffer]

// buffer is where a guest has the items of a copy.
type buffer struct {
	in      *instance
	options *options
	at      uint32
}

// endHandle is an end with its handle.
type endHandle struct{ *end }

func (e endHandle) kind() string {
	return endKind(e.Writable(), e.Future())
}

func endKind(writable, future bool) string {
	switch {
	case writable && future:
		return "the writable end of a future"
	case future:
		return "the readable end of a future"
	case writable:
		return "the writable end of a stream"
	default:
		return "the readable end of a stream"
	}
}

// channel is what a built-in of streams or futures works on.
type channel struct {
	instance int
	name     string // of the built-in
	typ      *types.Type
	writable bool
}

// end returns the end with an index.
func (c *channel) end(in *instance, index uint32) (*end, error) {
	e, err := objectAt[endHandle](&in.handles, index, endKind(c.writable, c.typ.Kind == types.Future))
	if err != nil {
		return nil, err
	}
	if e.Writable() != c.writable || e.Future() != (c.typ.Kind == types.Future) || e.Item() != c.typ.Elem {
		return nil, faultf("handle index %d is %s of another type", index, e.kind())
	}
	return e.end, nil
}

// endsNew is the built-in stream.new or future.new.
func endsNew(c channel) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(c.instance)
		if err != nil {
			return err
		}
		pair := async.NewStream[buffer]
		if c.typ.Kind == types.Future {
			pair = async.NewFuture[buffer]
		}
		readable, writable := pair(c.typ.Elem, &in.Instance)
		for _, e := range []*end{readable, writable} {
			if e.Index, err = s.addHandle(in, handle{kind: objectHandle, object: endHandle{e}}); err != nil {
				return builtinFault(c.name, err)
			}
		}
		stack[0] = uint64(readable.Index) | uint64(writable.Index)<<32
		return nil
	}
}

// endCopy is the built-in read or write of a stream or future.
func endCopy(c channel, o *options, returns bool) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(c.instance)
		if err != nil {
			return err
		}
		items := uint32(1)
		if c.typ.Kind == types.Stream {
			items = uint32(stack[2])
		}
		e, err := c.end(in, uint32(stack[0]))
		if err == nil {
			err = e.CanCopy(items, !returns)
		}
		if err != nil {
			return builtinFault(c.name, err)
		}
		if err := s.copy(&c, e, buffer{in, o, uint32(stack[1])}, items); err != nil {
			return err
		}
		return s.endResult(e, returns, stack)
	}
}

// copy begins a copy of an end.
func (s *Store) copy(c *channel, e *end, b buffer, items uint32) error {
	x := s.enter(b.in, b.options, c.name)
	own := cabi.Items{Context: &x.Context, Type: c.typ.Elem, At: b.at}
	if err := own.Check(items); err != nil {
		return x.fault(err)
	}
	n, err := e.Begin(b, items)
	if err != nil {
		return builtinFault(c.name, err)
	}
	if n > 0 {
		if err := s.move(c, e, own, n); err != nil {
			return err
		}
	}
	s.leave(x)
	return s.serveOther(e.Other())
}

// move moves n items between an end and the other one.
func (s *Store) move(c *channel, e *end, own cabi.Items, n uint32) error {
	b, progress := e.Other().Buffer()
	y := s.enter(b.in, b.options, c.name)
	other := cabi.Items{Context: &y.Context, Type: c.typ.Elem, At: b.at}.Skip(progress)
	to, from := own, other
	if c.writable {
		to, from = other, own
	}
	if err := cabi.CopyItems(to, from, n); err != nil {
		return y.fault(err)
	}
	e.Moved(n)
	s.leave(y)
	return nil
}

// endResult gives a guest the result of what it does with an end, now or as an event.
func (s *Store) endResult(e *end, returns bool, stack []uint64) error {
	if !e.HasEvent() {
		if returns {
			stack[0] = async.Blocked
			return nil
		}
		if err := s.await(func(t *async.Thread) bool { return t.Await(&e.Waitable) }); err != nil {
			return err
		}
	}
	stack[0] = uint64(e.Take().Payload)
	return nil
}

// endCancel is the built-in that cancels a read or write.
func endCancel(c channel, returns bool) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(c.instance)
		if err != nil {
			return err
		}
		e, err := c.end(in, uint32(stack[0]))
		if err == nil {
			err = e.Cancel(!returns)
		}
		if err != nil {
			return builtinFault(c.name, err)
		}
		if h := s.hostEnds[e.Other()]; h != nil {
			h.retract()
		}
		return s.endResult(e, returns, stack)
	}
}

// endDrop is the built-in that drops an end.
func endDrop(c channel) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(c.instance)
		if err != nil {
			return err
		}
		index := uint32(stack[0])
		e, err := c.end(in, index)
		if err == nil {
			err = e.CanDrop()
		}
		if err != nil {
			return builtinFault(c.name, err)
		}
		other := e.Other()
		e.Drop()
		s.removeObject(in, index)
		return s.serveOther(other)
	}
}

// transit is the ends that are on their way from one guest to another, or are the host's, by the numbers that stand for them.
type transit struct {
	ends []*end
	free []uint64
}

func (t *transit) put(e *end) (number uint64) {
	if last := len(t.free) - 1; last >= 0 {
		number, t.free = t.free[last], t.free[:last]
		t.ends[number] = e
		return number
	}
	t.ends = append(t.ends, e)
	return uint64(len(t.ends) - 1)
}

func (t *transit) take(number uint64) (e *end) {
	if number < uint64(len(t.ends)) {
		e, t.ends[number] = t.ends[number], nil
	}
	if e != nil {
		t.free = append(t.free, number)
	}
	return e
}

// LiftEnd implements abi.Ends.
func (x *crossing) LiftEnd(t *types.Type, index uint32) (uint64, error) {
	if t.Kind == types.ErrorContext {
		return 0, faultf("error contexts are not supported")
	}
	e, err := objectAt[endHandle](&x.instance.handles, index, endKind(false, t.Kind == types.Future))
	switch {
	case err != nil:
		return 0, err
	case e.Writable() || e.Future() != (t.Kind == types.Future) || e.Item() != t.Elem:
		return 0, faultf("handle index %d is used as %s, but it is %s of another type", index, endKind(false, t.Kind == types.Future), e.kind())
	}
	if err := e.CanGive(); err != nil {
		return 0, faultf("%v", err)
	}
	e.Give(nil)
	x.store.removeObject(x.instance, index)
	return x.store.transit.put(e.end), nil
}

// LowerEnd implements abi.Ends.
func (x *crossing) LowerEnd(t *types.Type, number uint64) (index uint32, err error) {
	e := x.store.transit.take(number)
	if e == nil || e.Writable() || e.Future() != (t.Kind == types.Future) || e.Item() != t.Elem {
		return 0, faultf("there is no such stream or future")
	}
	if index, err = x.store.addHandle(x.instance, handle{kind: objectHandle, object: endHandle{e}}); err != nil {
		return 0, err
	}
	e.Give(&x.instance.Instance)
	e.Index = index
	return index, nil
}
