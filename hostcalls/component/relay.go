package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
)

// relay carries items between two ends of the host, when a component has passed on what it was given. They are in memory of the
// host in between, which is memory of the component, written and read as that of a guest whose handles are the host's numbers.
type relay struct {
	from, to *HostEnd
	context  cabi.Context
	call     Call
	abort    func(error)
	memory   []byte
	used     int    // of memory
	n, taken uint32 // items in memory, and those of them that were consumed
	held     int64  // bytes of memory for values that were read
}

const (
	// relayed is about how many bytes are carried at a time.
	relayed = 64 << 10
	// mostRelayed bounds the items among them that are no bytes.
	mostRelayed = 256
)

// relayOf returns the relay that an end is part of, whose other end is the host's, too.
func (s *Store) relayOf(h, peer *HostEnd) *relay {
	from, to := h, peer
	if h.producer == nil {
		from, to = peer, h
	}
	if to.relay == nil {
		r := &relay{from: from, to: to, call: Call{store: s, waits: &s.Call}}
		r.abort = func(err error) { engine.Abort(r.fault(err)) }
		to.relay = r
		s.relays++
	}
	return to.relay
}

// run moves what can be moved now. Moving charges, so it may end with a cancel.
func (r *relay) run() error { return engine.Protect(r.carry) }

func (r *relay) carry() error {
	for !r.to.stopped {
		if r.n == r.taken && r.from.stopped {
			return r.to.stop(true)
		}
		var moved uint32
		var more bool
		if r.n > r.taken {
			if moved, more = r.consume(); !more {
				return r.to.stop(false)
			}
		} else if moved, more = r.produce(); !more {
			r.from.close(true)
			continue
		}
		r.call.Charge(callCost)
		if err := r.call.store.chargeMoved(r.from.end.Item(), moved); err != nil || moved == 0 {
			return err
		}
	}
	return nil
}

// produce lets the producer write.
func (r *relay) produce() (moved uint32, more bool) {
	item := r.from.end.Item()
	n := uint32(relayed)
	if r.from.end.Future() {
		n = 1
	} else if item == nil || item.Kind != types.U8 {
		n = mostRelayed
	}
	r.forget()
	if item != nil {
		n = max(1, min(n, relayed/item.Size))
		r.reserve(int(n * item.Size))
	}
	i := r.items(n)
	r.from.retract()
	more = r.from.producer.Produce(i)
	r.n = i.moved
	return i.moved, more
}

// consume lets the consumer read.
func (r *relay) consume() (moved uint32, more bool) {
	i := r.items(r.n - r.taken)
	i.items = i.items.Skip(r.taken)
	r.to.retract()
	more = r.to.consumer.Consume(i)
	r.taken += i.moved
	r.call.store.Free(r.held) // what the host keeps of them it counts itself
	r.held = 0
	return i.moved, more
}

func (r *relay) items(n uint32) *Items {
	r.context = cabi.Context{Memory: r, Handles: r, Ends: r, Budget: valueBytes, OnError: r.abort}
	return &Items{items: cabi.Items{Context: &r.context, Type: r.from.end.Item()}, n: n, call: &r.call}
}

// forget empties the memory.
func (r *relay) forget() {
	r.n, r.taken, r.used = 0, 0, 0
	if len(r.memory) > relayed {
		r.call.store.Free(int64(len(r.memory)))
		r.memory = nil
	}
}

// close gives the memory up.
func (r *relay) close() {
	r.call.store.relays--
	r.call.store.Free(int64(len(r.memory)))
	r.memory = nil
}

// reserve takes memory, and makes more if there is too little.
func (r *relay) reserve(bytes int) {
	r.used += bytes
	if r.used <= len(r.memory) {
		return
	}
	size := max(relayed, len(r.memory))
	for size < r.used {
		size *= 2
	}
	if size > valueBytes || !r.call.store.Hold(int64(size-len(r.memory))) {
		r.abort(faultf("the memory limit has no room for its items, which take %d bytes of the host's memory", size))
	}
	r.memory = append(make([]byte, 0, size), r.memory...)[:size]
}

func (r *relay) fault(err error) error {
	return trapf("%s that goes back to the host: %v", endKind(false, r.to.end.Future()), err)
}

// Bytes implements abi.Memory.
func (r *relay) Bytes() []byte { return r.memory }

// Realloc implements abi.Memory.
func (r *relay) Realloc(ptr, size, align, newSize uint32) (uint32, error) {
	at := (r.used + int(align) - 1) &^ (int(align) - 1)
	r.reserve(at - r.used + int(newSize))
	copy(r.memory[at:], r.memory[ptr:][:min(size, newSize)])
	return uint32(at), nil
}

// Charge implements abi.Memory.
func (r *relay) Charge(bytes int) error {
	if more := int64(valueBytes-r.context.Budget) - r.held; more > 0 {
		if !r.call.store.Hold(more) {
			return faultf("the memory limit has no room for its values, which take %d bytes of the host's memory", r.held+more)
		}
		r.held += more
	}
	return r.call.store.Charge(int64(bytes) >> 3)
}

// The handles of items are the numbers that the host knows resources and ends by.

// LiftOwn implements abi.Handles.
func (*relay) LiftOwn(_ *types.Resource, handle uint32) (uint32, error) { return handle, nil }

// LowerOwn implements abi.Handles.
func (*relay) LowerOwn(_ *types.Resource, rep uint32) (uint32, error) { return rep, nil }

// LiftBorrow implements abi.Handles: no type of items has borrowed handles.
func (*relay) LiftBorrow(_ *types.Resource, handle uint32) (uint32, error) { return handle, nil }

// LowerBorrow implements abi.Handles.
func (*relay) LowerBorrow(_ *types.Resource, rep uint32) (uint32, error) { return rep, nil }

// LiftEnd implements abi.Ends.
func (*relay) LiftEnd(_ *types.Type, handle uint32) (uint64, error) { return uint64(handle), nil }

// LowerEnd implements abi.Ends.
func (*relay) LowerEnd(_ *types.Type, end uint64) (uint32, error) { return uint32(end), nil }
