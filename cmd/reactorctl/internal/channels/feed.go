package channels

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/reactord/reactord/cmd/internal/values"
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/internal/notify"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const (
	// windowBytes and windowItems are what a channel may send at first, by the API.
	windowBytes, windowItems = 64 << 10, 1024
	// chunk is how many bytes are read at a time.
	chunk = 32 << 10
)

// room is what a channel may send.
type room struct {
	changed notify.Signal

	mu           sync.Mutex
	items, bytes int
	stopped      bool // nobody reads
}

func newRoom() *room {
	return &room{changed: notify.NewSignal(), items: windowItems, bytes: windowBytes}
}

// errStopped says that the component reads no more.
var errStopped = errors.New("the component reads no more")

// left returns what may be sent now.
func (r *room) left() (items, bytes int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.stopped {
		return 0, 0, errStopped
	}
	return r.items, r.bytes, nil
}

// wait waits until so much may be sent, and returns how many bytes that are.
func (r *room) wait(ctx context.Context, items, bytes int) (int, error) {
	for {
		if haveItems, haveBytes, err := r.left(); err != nil || haveItems >= items && haveBytes >= bytes {
			return haveBytes, err
		}
		select {
		case <-r.changed:
		case <-ctx.Done():
			return 0, context.Cause(ctx)
		}
	}
}

func (r *room) add(items, bytes int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.items += items
	r.bytes += bytes
	r.changed.Set()
}

func (r *room) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.stopped = true
	r.changed.Set()
}

// begin begins to send the channels that a value names, which was sent.
func (r *running) begin(ctx context.Context, t *types.Type, v *value.Value) {
	_ = value.Channels(t, v, func(_ *types.Type, v *value.Value) error {
		id := uint32(v.Bits)
		src := r.sources.list[id-1]
		if src.typ.Kind == types.Future {
			r.sendFuture(ctx, id, src)
			return nil
		}
		go func() {
			f := &feed{running: r, id: id, source: src, room: r.rooms[id]}
			if err := f.run(ctx); err != nil && !errors.Is(err, errStopped) {
				r.giveUp(err)
			}
		}()
		return nil
	})
}

func (r *running) sendFuture(ctx context.Context, id uint32, src *source) {
	t := src.typ.Item()
	literal := value.LiteralOf(t, src.items[0])
	r.send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Future{Future: &reactorv1.CallFuture{Channel: id, Value: values.Message(&literal)}}})
	r.begin(ctx, t, &src.items[0])
}

// feed sends a stream from its source.
type feed struct {
	*running
	id     uint32
	source *source
	room   *room
}

func (f *feed) run(ctx context.Context) error {
	for {
		var err error
		if f.source.typ.OfBytes() {
			err = f.bytes(ctx)
		} else {
			err = f.values(ctx)
		}
		if errors.Is(err, io.EOF) {
			f.sendItems(&reactorv1.CallItems{Channel: f.id, End: true})
			return nil
		}
		if err != nil {
			return err
		}
	}
}

func (f *feed) sendItems(items *reactorv1.CallItems) {
	f.send(&reactorv1.CallRequest{Part: &reactorv1.CallRequest_Items{Items: items}})
}

func (f *feed) bytes(ctx context.Context) error {
	most, err := f.room.wait(ctx, 1, 1)
	if err != nil {
		return err
	}
	b, err := f.source.bytes(most)
	if err != nil || len(b) == 0 {
		return err
	}
	f.room.add(0, -len(b))
	f.sendItems(&reactorv1.CallItems{Channel: f.id, Bytes: b})
	return nil
}

// values sends the next item, and with it those that are there and have room.
func (f *feed) values(ctx context.Context) error {
	t := f.source.typ.Item()
	var batch []value.Value
	items := &reactorv1.CallItems{Channel: f.id}
	send := func() {
		if len(batch) == 0 {
			return
		}
		f.sendItems(items)
		for i := range batch {
			f.begin(ctx, t, &batch[i])
		}
		batch, items = nil, &reactorv1.CallItems{Channel: f.id}
	}
	for len(batch) == 0 || len(batch) < windowItems && f.source.ready() {
		v, err := f.source.value()
		if err != nil {
			send()
			return err
		}
		literal := value.LiteralOf(t, v)
		size := literal.Size()
		if size > windowBytes {
			send()
			return f.source.fault(fmt.Errorf("an item of %d bytes, more than %d", size, windowBytes))
		}
		if haveItems, haveBytes, err := f.room.left(); err == nil && (haveItems == 0 || haveBytes < size) {
			send()
		}
		if _, err := f.room.wait(ctx, 1, size); err != nil {
			return err
		}
		f.room.add(-1, -size)
		batch, items.Values = append(batch, v), append(items.Values, values.Message(&literal))
	}
	send()
	return nil
}
