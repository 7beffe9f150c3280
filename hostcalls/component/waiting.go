package component

import (
	"encoding/binary"

	"github.com/reactord/reactord/component/async"
)

// waitableSet is a waitable set with its handle.
type waitableSet struct{ async.Set }

func (*waitableSet) kind() string { return "a waitable set" }

// setNew is the built-in waitable-set.new.
func setNew(instance int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		index, err := s.addHandle(in, handle{kind: objectHandle, object: &waitableSet{}})
		stack[0] = uint64(index)
		return builtinFault("waitable-set.new", err)
	}
}

// setWait is the built-in waitable-set.wait.
func setWait(instance, memory int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		set, err := objectAt[*waitableSet](&in.handles, uint32(stack[0]), "a waitable set")
		if err != nil {
			return builtinFault("waitable-set.wait", err)
		}
		if err := s.await(func(t *async.Thread) bool { return t.AwaitSet(&set.Set) }); err != nil {
			return err
		}
		e, _ := set.Take()
		return s.storeEvent("waitable-set.wait", memory, e, stack)
	}
}

// setPoll is the built-in waitable-set.poll.
func setPoll(instance, memory int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		set, err := objectAt[*waitableSet](&in.handles, uint32(stack[0]), "a waitable set")
		if err != nil {
			return builtinFault("waitable-set.poll", err)
		}
		e, _ := set.Take()
		return s.storeEvent("waitable-set.poll", memory, e, stack)
	}
}

// storeEvent gives a guest an event, whose stack has the set and the address of two numbers.
func (s *Store) storeEvent(builtin string, memory int, e async.Event, stack []uint64) error {
	const size = 8
	at := uint32(stack[1])
	b, ok := s.cores[memory].Memory().Read(at, size)
	if !ok || at%4 != 0 {
		return trapf("%s: there is no room for the event at %d", builtin, at)
	}
	binary.LittleEndian.PutUint32(b, e.Index)
	binary.LittleEndian.PutUint32(b[4:], e.Payload)
	stack[0] = uint64(e.Code)
	return nil
}

// setDrop is the built-in waitable-set.drop.
func setDrop(instance int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		index := uint32(stack[0])
		set, err := objectAt[*waitableSet](&in.handles, index, "a waitable set")
		if err == nil {
			err = set.CanDrop()
		}
		if err != nil {
			return builtinFault("waitable-set.drop", err)
		}
		s.removeObject(in, index)
		return nil
	}
}

// waitableJoin is the built-in waitable.join.
func waitableJoin(instance int) canonFunc {
	return func(s *Store, stack []uint64) error {
		in, err := s.leaving(instance)
		if err != nil {
			return err
		}
		return builtinFault("waitable.join", in.join(uint32(stack[0]), uint32(stack[1])))
	}
}

// joinable is a handle that can be in a set.
type joinable interface {
	object
	Join(*async.Set) error
}

// join puts a waitable into a set, or out of its own if that is 0.
func (i *instance) join(waitable, set uint32) error {
	w, err := objectAt[joinable](&i.handles, waitable, "a waitable")
	if err != nil {
		return err
	}
	if set == 0 {
		return w.Join(nil)
	}
	to, err := objectAt[*waitableSet](&i.handles, set, "a waitable set")
	if err != nil {
		return err
	}
	return w.Join(&to.Set)
}

// backpressure is the built-in backpressure.inc or backpressure.dec.
func backpressure(instance int, name string, change func(*async.Instance) error) canonFunc {
	return func(s *Store, _ []uint64) error {
		return builtinFault(name, change(&s.instances[instance].Instance))
	}
}

// threadYield is the built-in thread.yield.
func threadYield(instance int) canonFunc {
	return func(s *Store, stack []uint64) error {
		if _, err := s.leaving(instance); err != nil {
			return err
		}
		stack[0] = 0
		return s.await(func(t *async.Thread) bool {
			t.Yield()
			return true
		})
	}
}
