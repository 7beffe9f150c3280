package channel

import (
	"fmt"
	"io"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// In is a channel that the client writes.
type In struct {
	exchange *Exchange
	id       uint32
	typ      *types.Type // of the stream or future
	wake     func()      // nil until it is attached

	// Guarded by the lock of the exchange.
	bytes     []byte
	values    []value.Value
	sizes     []int // of values
	ended     bool  // the client writes no more
	stopped   bool  // the component reads no more
	stopSent  bool
	roomItems int // that the client may send
	roomBytes int
	readItems int // that the component has read, and the client was not told yet
	readBytes int
	queued    bool
}

func newIn(x *Exchange, id uint32, t *types.Type) *In {
	i := &In{exchange: x, id: id, typ: t, roomItems: WindowItems, roomBytes: WindowBytes}
	if i.OfBytes() {
		i.roomItems = WindowBytes
	}
	return i
}

// OfBytes reports whether it is a stream of bytes.
func (i *In) OfBytes() bool { return i.typ.OfBytes() }

// Item returns the type of the items.
func (i *In) Item() *types.Type { return i.typ.Item() }

// Attach says that the component reads the channel from now on. wake is called when there is something.
func (i *In) Attach(wake func()) {
	i.exchange.mu.Lock()
	defer i.exchange.mu.Unlock()
	i.wake = wake
}

// Ready reports whether there is something to read, or there will be nothing.
func (i *In) Ready() bool {
	i.exchange.mu.Lock()
	defer i.exchange.mu.Unlock()
	return i.ended || len(i.bytes)+len(i.values) > 0
}

// Read reads bytes of a stream of bytes; ended is true if there will be no others.
func (i *In) Read(to []byte) (n int, ended bool) {
	x := i.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	n = copy(to, i.bytes)
	if i.bytes = i.bytes[n:]; len(i.bytes) == 0 {
		i.bytes = nil
	}
	i.read(n, n)
	return n, i.drained()
}

// Take takes up to most items; ended is true if there will be no others. The value of a future is its one item.
func (i *In) Take(most int) (values []value.Value, ended bool) {
	x := i.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	n := min(most, len(i.values))
	values = i.values[:n:n]
	size := 0
	for _, s := range i.sizes[:n] {
		size += s
	}
	if i.values, i.sizes = i.values[n:], i.sizes[n:]; len(i.values) == 0 {
		i.values, i.sizes = nil, nil
	}
	i.read(n, size)
	return values, i.drained()
}

// drained reports whether all was read. The lock is held.
func (i *In) drained() bool {
	if !i.ended || len(i.bytes)+len(i.values) > 0 {
		return false
	}
	delete(i.exchange.in, i.id)
	return true
}

// read notes what the component has read, and tells the client now and then. The lock is held.
func (i *In) read(items, bytes int) {
	i.readItems += items
	i.readBytes += bytes
	empty := len(i.bytes)+len(i.values) == 0
	if i.ended || i.typ.Kind == types.Future || i.readItems == 0 || !empty && i.readBytes < WindowBytes/2 && i.readItems < WindowItems/2 {
		return
	}
	i.send()
}

func (i *In) send() {
	if !i.queued {
		i.queued = true
		i.exchange.send(i)
	}
}

// message implements sender.
func (i *In) message() Message {
	i.queued = false
	if i.stopped && !i.stopSent {
		i.stopSent = true
		return Message{Kind: Stop, Channel: i.id}
	}
	m := Message{Kind: Window, Channel: i.id, Items: i.readItems, Size: i.readBytes}
	i.roomItems += i.readItems
	i.roomBytes += i.readBytes
	i.readItems, i.readBytes = 0, 0
	return m
}

// Stop says that the component reads no more.
func (i *In) Stop() {
	x := i.exchange
	x.mu.Lock()
	defer x.mu.Unlock()
	i.stop()
}

func (i *In) stop() {
	if i.stopped {
		return
	}
	i.stopped = true
	for n := range i.values {
		i.discard(&i.values[n])
	}
	i.bytes, i.values, i.sizes = nil, nil, nil
	if i.ended {
		delete(i.exchange.in, i.id)
		return
	}
	i.send()
}

// discard stops the channels in an item that nobody reads. The lock is held.
func (i *In) discard(v *value.Value) {
	_ = value.Channels(i.Item(), v, func(_ *types.Type, v *value.Value) error {
		if inner := i.exchange.in[uint32(v.Bits)]; inner != nil {
			inner.stop()
		}
		return nil
	})
}

// Bytes takes bytes that the client sends.
func (x *Exchange) Bytes(id uint32, b []byte) []value.Fault {
	return x.receive(id, func(i *In, path string) []value.Fault {
		switch {
		case !i.OfBytes():
			return fault(path+".bytes", "the channel is no stream<u8>: send values")
		case len(b) > i.roomBytes:
			return i.full(path, len(b))
		}
		i.roomBytes -= len(b)
		if !i.stopped {
			i.bytes = append(i.bytes, b...)
		}
		return nil
	})
}

// Values takes items that the client sends.
func (x *Exchange) Values(id uint32, items []value.Literal) []value.Fault {
	return x.receive(id, func(i *In, path string) []value.Fault {
		switch {
		case i.typ.Kind == types.Future:
			return fault(path, "the channel is a future: send its value")
		case i.OfBytes():
			return fault(path+".values", "the channel is a stream<u8>: send bytes")
		}
		for n := range items {
			if faults := i.put(&items[n], fmt.Sprintf("%s.values[%d]", path, n)); len(faults) > 0 {
				return faults
			}
		}
		return nil
	})
}

// Value takes the value of a future that the client sends; nil: it has none.
func (x *Exchange) Value(id uint32, l *value.Literal) []value.Fault {
	return x.receive(id, func(i *In, path string) []value.Fault {
		if i.typ.Kind != types.Future {
			return fault(path, "the channel is a stream: send items")
		}
		if l == nil {
			l = &value.Literal{Form: value.TupleForm}
		}
		faults := i.put(l, path+".value")
		i.end()
		return faults
	})
}

// End says that the client writes no more items of a stream.
func (x *Exchange) End(id uint32) []value.Fault {
	return x.receive(id, func(i *In, path string) []value.Fault {
		if i.typ.Kind == types.Future {
			return fault(path, "the channel is a future, which ends with its value")
		}
		i.end()
		return nil
	})
}

// HalfClose says that the client writes nothing more at all: its streams end. A future that has no value yet is a fault.
func (x *Exchange) HalfClose() []value.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	for id, i := range x.in {
		switch {
		case i.ended:
		case i.typ.Kind == types.Future && !i.stopped:
			return fault(fmt.Sprintf("channel %d", id), "the future has no value, and the client sends nothing more")
		default:
			i.end()
			i.tell()
		}
	}
	return nil
}

// receive finds a channel that the client writes.
func (x *Exchange) receive(id uint32, f func(i *In, path string) []value.Fault) []value.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	path := fmt.Sprintf("channel %d", id)
	i := x.in[id]
	if i == nil || i.ended {
		return fault(path, "no such channel is open: an argument or an item opens it, and its end closes it")
	}
	faults := f(i, path)
	i.tell()
	return faults
}

// put adds an item. The lock is held.
func (i *In) put(l *value.Literal, path string) []value.Fault {
	size := l.Size()
	switch {
	case size > WindowBytes:
		return fault(path, "an item of %d bytes, more than %d", size, WindowBytes)
	case size > i.roomBytes || i.roomItems == 0:
		return i.full(path, size)
	}
	v, faults := value.Typed(i.Item(), l, path)
	if len(faults) == 0 {
		_ = value.Connections(i.Item(), &v, func(_ *types.Type, v *value.Value) error {
			faults = fault(path, "the connection %q can be given as an argument only", v.Connection())
			return io.EOF
		})
	}
	if len(faults) == 0 {
		faults = i.exchange.open(i.Item(), &v, path)
	}
	if len(faults) > 0 {
		return faults
	}
	i.roomBytes -= size
	i.roomItems--
	if i.stopped {
		i.discard(&v)
		return nil
	}
	i.values, i.sizes = append(i.values, v), append(i.sizes, size)
	return nil
}

func (i *In) full(path string, size int) []value.Fault {
	return fault(path, "%d bytes are beyond the channel's window, which has %d bytes and %d items left: wait for a window", size, i.roomBytes, i.roomItems)
}

func (i *In) end() {
	i.ended = true
	if i.stopped {
		delete(i.exchange.in, i.id)
	}
}

func (i *In) tell() {
	if i.wake != nil {
		i.wake()
	}
}
