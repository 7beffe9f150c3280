package channel

import (
	"fmt"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Out is a channel that the component writes.
type Out struct {
	exchange *Exchange
	id       uint32
	typ      *types.Type // of the stream or future
	wake     func()      // nil until it is attached

	// Guarded by the lock of the exchange.
	bytes     []byte
	values    []value.Literal
	put       bool // of a future: the component has written its value
	ended     bool // the component writes no more
	stopped   bool // the client reads no more
	roomItems int  // that the client has asked for; of a stream of bytes roomBytes alone counts
	roomBytes int
	sent      int // bytes that were handed to the client since Sent
	size      int // of values
	queued    bool
}

// Number returns the number of the channel.
func (o *Out) Number() uint32 { return o.id }

// OfBytes reports whether it is a stream of bytes.
func (o *Out) OfBytes() bool { return o.typ.OfBytes() }

// Item returns the type of the items.
func (o *Out) Item() *types.Type { return o.typ.Item() }

// Attach says that the component writes the channel from now on. wake is called when there is room, or nobody reads any more.
func (o *Out) Attach(wake func()) {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	o.wake = wake
}

// Room returns how many items, or bytes of a stream of bytes, may be written now. The last item may have more bytes than there is
// room for.
func (o *Out) Room() int {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	switch {
	case o.stopped || o.roomBytes <= 0:
		return 0
	case o.OfBytes():
		return o.roomBytes
	default:
		return o.roomItems
	}
}

// Stopped reports whether the client reads no more.
func (o *Out) Stopped() bool {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	return o.stopped
}

// Write writes bytes of a stream of bytes, no more than there is room for.
func (o *Out) Write(b []byte) {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	o.bytes = append(o.bytes, b...)
	o.roomBytes -= len(b)
	o.send()
}

// Put writes one item, or the value of a future.
func (o *Out) Put(l value.Literal) {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	size := l.Size()
	o.put = true
	o.values = append(o.values, l)
	o.size += size
	o.roomBytes -= size
	o.roomItems--
	o.send()
}

// End says that the component writes no more.
func (o *Out) End() {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	if o.ended {
		return
	}
	o.ended = true
	if o.typ.Kind == types.Future && o.put && !o.queued {
		delete(o.exchange.out, o.id) // the client has its value
		return
	}
	o.send()
}

// Sent returns how many bytes were handed to the client since the last call.
func (o *Out) Sent() (bytes int) {
	o.exchange.mu.Lock()
	defer o.exchange.mu.Unlock()
	bytes, o.sent = o.sent, 0
	return bytes
}

// send queues the channel. The lock is held.
func (o *Out) send() {
	if !o.queued {
		o.queued = true
		o.exchange.send(o)
	}
}

// message implements sender.
func (o *Out) message() Message {
	o.queued = false
	m := Message{Kind: Items, Channel: o.id, Values: o.values, Bytes: o.bytes, End: o.ended}
	if o.typ.Kind == types.Future {
		m.Kind, m.Values = Future, nil
		if len(o.values) > 0 {
			m.Value = &o.values[0]
		}
	}
	o.sent += o.size + len(o.bytes)
	o.bytes, o.values, o.size = nil, nil, 0
	if o.ended {
		delete(o.exchange.out, o.id)
	}
	return m
}

// Window says that the client takes so many items more, which have so many bytes, of a channel.
func (x *Exchange) Window(id uint32, items, bytes uint64) []value.Fault {
	return x.answer(id, func(o *Out) {
		const most = 16 * WindowBytes
		o.roomItems = int(min(items, most) + uint64(max(o.roomItems, 0)))
		o.roomBytes += int(min(bytes, most))
		o.roomItems, o.roomBytes = min(o.roomItems, WindowItems), min(o.roomBytes, WindowBytes)
	})
}

// Stop says that the client reads no more of a channel.
func (x *Exchange) Stop(id uint32) []value.Fault {
	return x.answer(id, func(o *Out) {
		o.stopped = true
		o.sent += o.size + len(o.bytes)
		o.bytes, o.values, o.size = nil, nil, 0
	})
}

// answer finds a channel that the client reads. It may have ended meanwhile.
func (x *Exchange) answer(id uint32, f func(o *Out)) []value.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	if id == 0 || id > x.lastOut {
		return fault(fmt.Sprintf("channel %d", id), "the call has opened no such channel")
	}
	if o := x.out[id]; o != nil {
		f(o)
		if o.wake != nil {
			o.wake()
		}
	}
	return nil
}
