package component

import (
	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
)

// Producer writes the items of a stream, or the value of a future, that the host gives a component. Its methods are called on the
// store's fiber and do not wait.
type Producer interface {
	// Produce writes up to to.Len() items, which is more than none. If it has none yet it writes nothing, and calls HostEnd.Await,
	// or HostEnd.Wake when it has. It returns more false if there will be no others: then Stop is called.
	Produce(to *Items) (more bool)
	// Stop is called once, when the stream has ended, the component has dropped its end, or the store ends.
	Stop()
}

// Consumer reads the items of a stream, or the value of a future, that a component gives the host. Its methods are called on the
// store's fiber and do not wait.
type Consumer interface {
	// Consume reads up to from.Len() items, which is more than none. If it can take none now it reads nothing, and calls
	// HostEnd.Await, or HostEnd.Wake when it can. It returns more false if it wants no others: then Stop is called.
	Consume(from *Items) (more bool)
	// Stop is called once: ended is true if the component has dropped its end, so that all that it has written was consumed.
	Stop(ended bool)
}

// Readier is a Producer or Consumer that knows whether it can move items now. Of another one a copy of no items is told at once that it
// can.
type Readier interface {
	// Ready reports whether Produce or Consume would move anything, or end the stream. If not, it calls HostEnd.Await, or HostEnd.Wake
	// when that may have changed.
	Ready() bool
}

// Items are what a Producer writes or a Consumer reads at a time.
type Items struct {
	items  cabi.Items
	n      uint32
	moved  uint32
	call   *Call
	reader cabi.Reader
	writer cabi.Writer
}

// Len returns how many there may be.
func (i *Items) Len() int { return int(i.n) }

// Bytes returns them, if they are of type u8. They are valid until the method returns.
func (i *Items) Bytes() []byte { return i.items.Bytes(i.n) }

// Moved says how many were written into Bytes, or read from there.
func (i *Items) Moved(n int) { i.moved = uint32(n) }

// Reader reads them. All of n are read, and count as moved.
func (i *Items) Reader(n int) *cabi.Reader {
	i.moved = uint32(n)
	i.reader = i.items.Reader(i.moved)
	return &i.reader
}

// Writer writes them. All of n have to be written, and count as moved.
func (i *Items) Writer(n int) *cabi.Writer {
	i.moved = uint32(n)
	i.writer = i.items.Writer(i.moved)
	return &i.writer
}

// Call is a call on whose behalf items are moved: it makes objects, and charges.
func (i *Items) Call() *Call { return i.call }

// HostEnd is an end of a stream or future that the host has.
type HostEnd struct {
	store    *Store
	end      *end
	producer Producer // one of them
	consumer Consumer
	stopped  bool
	wake     note
	op       hostcalls.Op // that it waits for, while it is listed
	listed   listed
	unnotify func() // ends the wait for a Notifier; nil: there is none
	relay    *relay // of a consumer, from a producer of the host; nil: there is none
}

// Wake says that the end may have something to do. It may be called from any goroutine.
func (h *HostEnd) Wake() { h.store.post(&h.wake) }

// Await says, on the store's fiber, what the end waits for, until its Producer or Consumer is called again or nobody waits for
// that. It is woken when on is ready; if on is nil, by Wake alone.
func (h *HostEnd) Await(op hostcalls.Op, on hostcalls.Notifier) {
	h.retract()
	h.op = op
	h.listed = listed{op: &h.op}
	h.store.operations.add(&h.listed)
	if on != nil {
		h.unnotify = on.Notify(h.Wake)
	}
}

// retract ends what Await began.
func (h *HostEnd) retract() {
	if h.unnotify != nil {
		h.unnotify()
		h.unnotify = nil
	}
	if h.listed.op != nil {
		h.store.operations.remove(&h.listed)
	}
}

// NewStream makes a stream whose items p writes, and returns its end for the host, and what stands for the other one, which
// Results.Stream writes. t is the type of the stream.
func (s *Store) NewStream(t *types.Type, p Producer) (h *HostEnd, readable uint64) {
	r, w := async.NewStream[buffer](t.Elem, nil)
	return s.hostEnd(w, p, nil), s.transit.put(r)
}

// NewFuture makes a future whose value p writes, as NewStream does.
func (s *Store) NewFuture(t *types.Type, p Producer) (h *HostEnd, readable uint64) {
	r, w := async.NewFuture[buffer](t.Elem, nil)
	return s.hostEnd(w, p, nil), s.transit.put(r)
}

// newReadable is NewStream or NewFuture, as t says.
func (s *Store) newReadable(t *types.Type, p Producer) (h *HostEnd, readable uint64) {
	if t.Kind == types.Future {
		return s.NewFuture(t, p)
	}
	return s.NewStream(t, p)
}

// Consume makes the host read a stream or future that a component has passed, which Args.Stream or Args.Future has read. It reads as soon
// as there is something.
func (s *Store) Consume(readable uint64, c Consumer) *HostEnd {
	h := s.hostEnd(s.transit.take(readable), nil, c)
	h.Wake()
	return h
}

func (s *Store) hostEnd(e *end, p Producer, c Consumer) *HostEnd {
	h := &HostEnd{store: s, end: e, producer: p, consumer: c}
	h.wake.of = h
	if s.hostEnds == nil {
		s.hostEnds = map[*end]*HostEnd{}
	}
	s.hostEnds[e] = h
	return h
}

// serveOther lets the host work, if it has the other end.
func (s *Store) serveOther(other *end) error {
	if h := s.hostEnds[other]; h != nil {
		return h.serve()
	}
	return nil
}

// act implements noted.
func (h *HostEnd) act() error { return h.serve() }

// serve moves what can be moved now.
func (h *HostEnd) serve() error {
	if h.stopped {
		return nil
	}
	h.retract()
	if h.relay != nil {
		return h.relay.run()
	}
	other := h.end.Other()
	if other == nil {
		return h.stop(true)
	}
	if peer := h.store.hostEnds[other]; peer != nil {
		return h.store.relayOf(h, peer).run()
	}
	for !h.stopped {
		items, waits := other.Room()
		switch {
		case !waits:
			return nil
		case items == 0:
			return h.askReady()
		}
		moved, more, err := h.move(other, items)
		if err != nil {
			return err
		}
		if !more {
			return h.stop(false)
		}
		if moved == 0 || !h.end.Future() && other.HasEvent() {
			return nil
		}
	}
	return nil
}

// askReady ends a copy of no items, by which the component asks whether the host is ready, when it is.
func (h *HostEnd) askReady() error {
	r, ok := h.producer.(Readier)
	if h.producer == nil {
		r, ok = h.consumer.(Readier)
	}
	if ok {
		if err := h.store.Charge(callCost); err != nil {
			return err
		}
		if !r.Ready() {
			return nil
		}
	}
	return h.tellReady()
}

// tellReady ends a copy of no items. The host begins a copy and cancels it, since only components wait with a copy in progress.
func (h *HostEnd) tellReady() error {
	if _, err := h.end.Begin(buffer{}, 1); err != nil {
		return err
	}
	if !h.end.HasEvent() {
		if err := h.end.Cancel(false); err != nil {
			return err
		}
	}
	h.end.Take()
	return nil
}

// mostMoved bounds the bytes of items that a Producer or Consumer moves at a time.
const mostMoved = 1 << 20

// chargeMoved charges for items of which a Producer or Consumer knows nothing but the bytes.
func (s *Store) chargeMoved(item *types.Type, n uint32) error {
	if item == nil || item.Kind != types.U8 {
		return nil
	}
	return s.Charge(int64(n) >> 3)
}

// move moves up to n items from or to the other end, which is a component's.
func (h *HostEnd) move(other *end, n uint32) (moved uint32, more bool, err error) {
	s := h.store
	if item := other.Item(); item != nil {
		n = min(n, max(1, mostMoved/item.Size))
	}
	b, progress := other.Buffer()
	x := s.enter(b.in, b.options, "a stream of the host")
	i := &x.items
	*i = Items{items: cabi.Items{Context: &x.Context, Type: other.Item(), At: b.at}.Skip(progress), n: n, call: &x.call}
	err = engine.Protect(func() error {
		x.OnError = x.abort
		if h.producer != nil {
			more = h.producer.Produce(i)
		} else {
			more = h.consumer.Consume(i)
		}
		if err := x.Err(); err != nil {
			return err
		}
		return s.chargeMoved(other.Item(), i.moved)
	})
	if err != nil {
		return 0, false, err
	}
	s.Free(x.held) // what the host keeps of them it counts itself
	s.leave(x)
	if i.moved > 0 {
		if _, err := h.end.Begin(buffer{}, i.moved); err != nil {
			return 0, false, err
		}
		h.end.Moved(i.moved)
		h.end.Take()
	}
	return i.moved, more, nil
}

// stop ends the work of the host.
func (h *HostEnd) stop(ended bool) error {
	h.close(ended)
	if h.end.HasEvent() {
		h.end.Take()
	}
	other := h.end.Other()
	h.end.Drop()
	return h.store.serveOther(other)
}

func (h *HostEnd) close(ended bool) {
	h.stopped = true
	h.retract()
	delete(h.store.hostEnds, h.end)
	if h.relay != nil {
		h.relay.close()
	}
	if h.producer != nil {
		h.producer.Stop()
	} else {
		h.consumer.Stop(ended)
	}
}
