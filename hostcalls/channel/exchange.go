package channel

import (
	"context"
	"fmt"
	"io"
	"sync"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/internal/notify"
)

const (
	// WindowBytes is the window of a new channel in bytes.
	WindowBytes = 64 << 10
	// WindowItems is the window of a new channel in items. Of a stream of bytes, the items are its bytes.
	WindowItems = 1024
	// MaxChannels bounds the channels that are open at a time, in each direction.
	MaxChannels = 64
)

// Exchange is the channels of one call. Open makes it ready.
type Exchange struct {
	opened chan struct{} // closed when the arguments are known

	mu        sync.Mutex
	in        map[uint32]*In
	out       map[uint32]*Out
	lastOut   uint32
	queue     []sender // have something for the client, in order
	changed   notify.Signal
	cancelled bool
	onCancel  func()
	closed    bool
}

// sender is what has something for the client. Its method is called with the lock.
type sender interface{ message() Message }

// Message is what the client is told.
type Message struct {
	Kind    Kind
	Channel uint32
	Value   *value.Literal  // Result: nil if there is none; Future: nil if there will be none
	Values  []value.Literal // Items
	Bytes   []byte          // Items of a stream of bytes
	End     bool            // Items: there are no others
	Items   int             // Window
	Size    int             // Window, in bytes
}

// Kind is the kind of a Message.
type Kind uint8

// The kinds.
const (
	_      Kind = iota
	Result      // the function has returned
	Items       // of a stream
	Future      // the value of a future
	Window      // the client may send so much more
	Stop        // the component reads no more of a channel
)

// New makes an Exchange.
func New() *Exchange {
	return &Exchange{opened: make(chan struct{}), in: map[uint32]*In{}, out: map[uint32]*Out{}, changed: notify.NewSignal()}
}

// Open opens the channels that are named by the arguments of a call of f, which have been checked.
func (x *Exchange) Open(f *types.Func, args []value.Literal) []value.Fault {
	x.mu.Lock()
	defer x.mu.Unlock()
	for i, p := range f.Params {
		if !p.Type.Handles {
			continue
		}
		path := fmt.Sprintf("args[%d]", i)
		v, faults := value.Typed(p.Type, &args[i], path)
		if len(faults) == 0 {
			faults = x.open(p.Type, &v, path)
		}
		if len(faults) > 0 {
			return faults
		}
	}
	close(x.opened)
	return nil
}

// open opens the channels that a value names. The lock is held.
func (x *Exchange) open(t *types.Type, v *value.Value, path string) (faults []value.Fault) {
	_ = value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		switch id := uint32(v.Bits); {
		case uint64(id) != v.Bits || id == 0:
			faults = fault(path, "a channel has a number from 1 to 4294967295, not %d", v.Bits)
		case x.in[id] != nil:
			faults = fault(path, "channel %d is open already: each stream and future is a channel of its own", id)
		case len(x.in) == MaxChannels:
			faults = fault(path, "more than %d channels are open: end some first", MaxChannels)
		default:
			x.in[id] = newIn(x, id, t)
			return nil
		}
		return io.EOF
	})
	return faults
}

func fault(path, format string, args ...any) []value.Fault {
	return []value.Fault{{Path: path, Msg: fmt.Sprintf(format, args...)}}
}

// Opened waits until Open has been called. It returns an error if the call has ended, or ctx has.
func (x *Exchange) Opened(ctx context.Context) error {
	select {
	case <-x.opened:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// In returns a channel that the client writes, for the component, which is to call Attach.
func (x *Exchange) In(number uint64) *In {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.in[uint32(number)]
}

// NewOut makes a channel of a type that the component writes, which is to call Attach; nil if there are too many.
func (x *Exchange) NewOut(t *types.Type) *Out {
	x.mu.Lock()
	defer x.mu.Unlock()
	if len(x.out) == MaxChannels {
		return nil
	}
	x.lastOut++
	o := &Out{exchange: x, id: x.lastOut, typ: t, roomItems: WindowItems, roomBytes: WindowBytes}
	x.out[o.id] = o
	return o
}

// result is the sender of what the function returns.
type result struct{ value *value.Literal }

func (r *result) message() Message { return Message{Kind: Result, Value: r.value} }

// Return tells the client what the function has returned; nil: nothing.
func (x *Exchange) Return(l *value.Literal) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.send(&result{l})
}

// send queues what has something for the client. The lock is held.
func (x *Exchange) send(s sender) {
	x.queue = append(x.queue, s)
	x.changed.Set()
}

// Next waits for what the client is to be told next. It returns io.EOF when the call has ended and there is nothing left.
func (x *Exchange) Next(ctx context.Context) (Message, error) {
	for {
		x.mu.Lock()
		if len(x.queue) > 0 {
			first := x.queue[0]
			x.queue = x.queue[1:]
			m := first.message()
			x.mu.Unlock()
			return m, nil
		}
		closed := x.closed
		x.mu.Unlock()
		if closed {
			return Message{}, io.EOF
		}
		select {
		case <-x.changed:
		case <-ctx.Done():
			return Message{}, context.Cause(ctx)
		}
	}
}

// Close says that the call has ended.
func (x *Exchange) Close() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.closed = true
	x.changed.Set()
}

// Cancel asks the component to end the call, and then f, which OnCancel has set.
func (x *Exchange) Cancel() {
	x.mu.Lock()
	first := !x.cancelled
	x.cancelled = true
	f := x.onCancel
	x.mu.Unlock()
	if first && f != nil {
		f()
	}
}

// Cancelled reports whether the client has cancelled the call.
func (x *Exchange) Cancelled() bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.cancelled
}

// OnCancel adds a function that is called when the client cancels, also if it has already.
func (x *Exchange) OnCancel(f func()) {
	x.mu.Lock()
	before := x.onCancel
	x.onCancel = func() {
		if before != nil {
			before()
		}
		f()
	}
	now := x.cancelled
	x.mu.Unlock()
	if now {
		f()
	}
}
