package component

import (
	"errors"
	"sync"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
)

// options are the canonical options of a function.
type options struct {
	encoding   cabi.Encoding
	memory     int // the core instance that has it; -1: none
	realloc    *coreFunc
	postReturn *coreFunc
	callback   *coreFunc
}

// crossing is one side of a call: the guest that calls or is called, whose values are lifted from its memory and handles or
// lowered into them. A call between two components has two.
//
// A store uses them again, and when it waits others do. (See crossings.)
type crossing struct {
	cabi.Context
	store    *Store
	instance *instance
	options  *options
	function string // for messages
	call     Call   // if the guest calls the host; else its cursors alone are used
	abort    func(error)
	stack    [types.MaxFlat + 1]uint64
	realloc  [4]uint64 // the stack of a call of it

	called *activation // of the guest, if it is called
	items  Items       // that the host moves, from or to the guest

	held int64    // bytes of memory for values that were read
	lent []uint32 // handles that the guest lends for the call
}

// crossings are those that no store uses. A store that waits keeps none: there are many such stores, and few that run.
type crossings struct{ pool sync.Pool }

// take returns one for a store.
func (c *crossings) take(s *Store) *crossing {
	x, ok := c.pool.Get().(*crossing)
	if !ok {
		x = &crossing{}
		x.abort = func(err error) { engine.Abort(x.fault(err)) }
	}
	x.store, x.call = s, Call{store: s, waits: &s.Call}
	return x
}

// put takes one back. It holds nothing of the store.
func (c *crossings) put(x *crossing) {
	*x = crossing{abort: x.abort, lent: x.lent}
	c.pool.Put(x)
}

// keptCrossings bounds the room for crossings that a store keeps while it waits.
const keptCrossings = 4

// giveCrossings gives up those that the store does not use, since it is going to wait, and its subtasks.
func (s *Store) giveCrossings() {
	s.subtasks = nil
	for i, x := range s.crossings {
		s.loaded.abi.crossings.put(x)
		s.crossings[i] = nil
	}
	if s.crossings = s.crossings[:0]; cap(s.crossings) > keptCrossings {
		s.crossings = nil
	}
}

// enter begins a side of a call.
func (s *Store) enter(in *instance, o *options, function string) *crossing {
	var x *crossing
	if last := len(s.crossings) - 1; last >= 0 {
		x, s.crossings = s.crossings[last], s.crossings[:last]
	} else {
		x = s.loaded.abi.crossings.take(s)
	}
	x.instance, x.options, x.function, x.called = in, o, function, nil
	x.Context = cabi.Context{Handles: x, Ends: x, Encoding: o.encoding, Budget: valueBytes}
	if o.memory >= 0 {
		x.Memory = x
	}
	x.held = 0
	return x
}

// keptLent bounds the room for lent handles that a crossing keeps.
const keptLent = 256

// leave ends a side of a call, and gives back what was lent.
func (s *Store) leave(x *crossing) {
	if len(x.lent) > 0 {
		s.endLends(x.instance, x.lent)
		if x.lent = x.lent[:0]; cap(x.lent) > keptLent {
			x.lent = nil
		}
	}
	s.crossings = append(s.crossings, x)
}

// endLends gives back handles that an instance has lent.
func (s *Store) endLends(in *instance, lent []uint32) {
	for _, index := range lent {
		in.handles.entries[index].lends--
	}
	s.lends -= len(lent)
}

// valueBytes bounds the memory of the host that the values of one call may take as trees.
const valueBytes = 16 << 20

// fault returns the error with which the store ends, from one of the call.
func (x *crossing) fault(err error) error {
	if trap, ok := errors.AsType[*cabi.Trap](err); ok {
		return trapf("%s: %s", x.function, trap)
	}
	if misuse, ok := errors.AsType[*cabi.MisuseError](err); ok {
		return &engine.InternalError{Err: misuse}
	}
	return err
}

// Bytes implements abi.Memory.
func (x *crossing) Bytes() []byte {
	memory := x.store.cores[x.options.memory].Memory()
	b, _ := memory.Read(0, memory.Size())
	return b
}

// Realloc implements abi.Memory. realloc may call nothing outside of its instance.
func (x *crossing) Realloc(ptr, size, align, newSize uint32) (uint32, error) {
	if x.options.realloc == nil {
		return 0, faultf("there is no realloc to make room for values")
	}
	x.realloc = [4]uint64{uint64(ptr), uint64(size), uint64(align), uint64(newSize)}
	x.instance.confined = true
	interrupted := x.instance.beginRealloc()
	err := x.store.callCore(x.options.realloc, x.realloc[:])
	x.instance.endRealloc(interrupted)
	x.instance.confined = false
	return uint32(x.realloc[0]), err
}

// Charge implements abi.Memory. The host's memory for values that were read is the component's, from before the worker may
// be given up until the call ends, that of a result until the store is closed.
func (x *crossing) Charge(bytes int) error {
	if more := int64(valueBytes-x.Budget) - x.held; more > 0 {
		if err := x.hold(more); err != nil {
			return err
		}
	}
	return x.store.Charge(int64(bytes) >> 3)
}

func (x *crossing) hold(bytes int64) error {
	ok, err := x.store.tryHold(bytes)
	switch {
	case err != nil:
		return err
	case !ok:
		return faultf("the memory limit has no room for its values, which take %d bytes of the host's memory", x.held+bytes)
	}
	x.held += bytes
	return nil
}

// LiftOwn implements abi.Handles.
func (x *crossing) LiftOwn(r *types.Resource, index uint32) (rep uint32, err error) {
	return x.instance.handles.takeOwn(index, r)
}

// LiftBorrow implements abi.Handles.
func (x *crossing) LiftBorrow(r *types.Resource, index uint32) (rep uint32, err error) {
	h, err := x.instance.handles.get(index, r)
	if err != nil {
		return 0, err
	}
	if x.store.lends++; x.store.lends > maxLends {
		return 0, faultf("handles are lent more than %d times at once", maxLends)
	}
	h.lends++
	x.lent = append(x.lent, index)
	return h.rep, nil
}

// LowerOwn implements abi.Handles.
func (x *crossing) LowerOwn(r *types.Resource, rep uint32) (index uint32, err error) {
	return x.store.addHandle(x.instance, handle{kind: ownHandle, resource: r, rep: rep})
}

// LowerBorrow implements abi.Handles.
func (x *crossing) LowerBorrow(r *types.Resource, rep uint32) (index uint32, err error) {
	if x.store.program.resources[r].instance == x.instance.Number {
		return rep, nil
	}
	x.called.Borrow()
	return x.store.addHandle(x.instance, handle{kind: borrowHandle, resource: r, rep: rep, scope: x.called.Number})
}
