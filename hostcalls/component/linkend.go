package component

import (
	"cmp"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/link"
)

// linkHalf is what a linkSource and a linkSink have: this store's half of a stream.
type linkHalf struct {
	side   *linkSide
	stream *link.Stream
	typ    *types.Type // of the stream or future
	end    *HostEnd
	note   note
	waits  hostcalls.Op // that it waits for, once it has
	held   int64        // bytes of what is in the stream that count as memory of this store
}

// await says that the end waits to read or to write.
func (h *linkHalf) await(kind hostcalls.OpKind) {
	if h.waits.Kind == 0 {
		h.waits = h.side.waitFor(kind, h.stream)
	}
	h.end.Await(h.waits, nil)
}

// holds stops counting what no longer is this store's.
func (h *linkHalf) holds(bytes int64) {
	if bytes < h.held {
		h.side.store.Free(h.held - bytes)
		h.held = bytes
	}
}

// host implements linkEnd.
func (h *linkHalf) host() *HostEnd { return h.end }

// linkSource gives the component what another workload writes. What it holds is what was left when the writer had ended.
type linkSource struct {
	linkHalf
	taken []link.Item // that are being delivered
}

var (
	_ Producer = (*linkSource)(nil)
	_ Readier  = (*linkSource)(nil)
)

// onWake is called when the writer has written, or has ended.
func (p *linkSource) onWake() error {
	if p.end.stopped {
		return nil
	}
	if err := p.adopt(); err != nil {
		return err
	}
	err := p.end.serve()
	if over, why := p.stream.Over(); err != nil || !over || p.end.stopped || p.end.relay != nil || p.stream.Future() || p.side.fails(why) {
		return err
	}
	return p.end.stop(false) // the component need not read to see that
}

// adopt counts as the component's memory what a writer has left that has ended. If there is no room it stays the writer's. A component that
// was called does so only when there is nobody else whose memory it could be: many may call it.
func (p *linkSource) adopt() error {
	left, gone := p.stream.Left()
	if left == 0 || p.held > 0 || p.side.serves && !gone {
		return nil
	}
	ok, err := p.side.store.tryHold(left)
	if err != nil {
		return err
	}
	if !ok {
		p.stream.Refuse()
		return nil
	}
	if p.held = left; !p.stream.Adopt() {
		p.settle()
	}
	return nil
}

// settle stops counting what was read.
func (p *linkSource) settle() {
	left, _ := p.stream.Left()
	p.holds(left)
}

// Ready implements Readier.
func (p *linkSource) Ready() bool {
	if p.stream.Ready() || p.side.by.Revoked() {
		return true
	}
	p.await(hostcalls.OpRead)
	return false
}

// Produce implements Producer.
func (p *linkSource) Produce(to *Items) (more bool) {
	p.side.check(to.Call())
	for {
		if n := p.move(to); n > 0 {
			p.side.progress()
			p.settle()
			if n < to.Len() {
				p.stream.WaitToRead() // the component may have more room, and wait for something else
			}
			over, err := p.stream.Over()
			return !p.stream.Future() && (!over || err != nil)
		}
		if over, err := p.stream.Over(); over {
			return p.ended(to.Call(), err)
		}
		if !p.Ready() {
			return true
		}
	}
}

// move writes what there is, and returns how many items.
func (p *linkSource) move(to *Items) (n int) {
	if p.stream.Bytes() {
		n = p.stream.Read(to.Bytes())
		to.Moved(n)
		return n
	}
	p.taken = p.stream.Take(to.Len())
	if n = len(p.taken); n == 0 {
		return 0
	}
	for i := range p.taken {
		if err := p.side.incoming(p.typ.Item(), &p.taken[i].Value, p.taken[i].Streams); err != nil {
			engine.Abort(err)
		}
	}
	w := to.Writer(n)
	for i := range p.taken {
		if w.Type() != nil {
			w.Value(p.taken[i].Value)
		}
	}
	p.taken = nil
	return n
}

// ended is called when there is nothing left, and the writer has ended. If it has failed, the component that has called traps: it would
// take what it has got for the whole. One that was called serves others, and sees the end of the stream. Of a future there is none, so
// its reader waits until it is cancelled.
func (p *linkSource) ended(c *Call, err error) (more bool) {
	if p.side.fails(err) {
		p.side.fault(c, p.typ, err)
	}
	return p.stream.Future()
}

// Stop implements Producer.
func (p *linkSource) Stop() {
	var why error
	if p.side.store.closed {
		why = p.side.ending()
	}
	p.cut(why)
	p.side.remove(p)
}

// cut implements linkEnd.
func (p *linkSource) cut(why error) {
	p.stream.Drop(why)
	for i := range p.taken {
		p.taken[i].Discard()
	}
	p.taken = nil
	p.settle()
}

// linkSink hands another workload what the component writes. What it holds is what nobody has read.
type linkSink struct{ linkHalf }

var (
	_ Consumer = (*linkSink)(nil)
	_ Readier  = (*linkSink)(nil)
)

// onWake is called when the reader has read, or has gone.
func (k *linkSink) onWake() error {
	k.settle()
	if k.end.stopped {
		if k.held == 0 {
			k.release()
		}
		return nil
	}
	if gone, why := k.stream.Gone(); gone && !k.side.fails(why) {
		return k.end.stop(false) // the component need not write to see that
	}
	return k.end.serve()
}

// settle stops counting what was read.
func (k *linkSink) settle() { k.holds(k.stream.Held()) }

// Ready implements Readier.
func (k *linkSink) Ready() bool {
	if gone, _ := k.stream.Gone(); gone || k.side.by.Revoked() || k.stream.Room() > 0 {
		return true
	}
	k.await(hostcalls.OpWrite)
	return false
}

// Consume implements Consumer.
func (k *linkSink) Consume(from *Items) (more bool) {
	c := from.Call()
	k.side.check(c)
	k.settle()
	if gone, why := k.stream.Gone(); gone {
		if k.side.fails(why) {
			k.side.fault(c, k.typ, why)
		}
		return false
	}
	n := min(k.stream.Room(), from.Len())
	if n > 0 && k.stream.Bytes() {
		n = k.writeBytes(from, n)
	} else if n > 0 {
		n = k.writeItems(from, n)
	}
	if n == 0 {
		k.await(hostcalls.OpWrite)
		return true
	}
	k.side.progress()
	if n < from.Len() {
		k.stream.WaitToWrite() // the component may have more, and wait for something else
	}
	return !k.stream.Future()
}

// leastWritten is how few bytes are written at a time for want of memory.
const leastWritten = 1 << 10

// writeBytes writes up to n bytes. If the component has little memory it writes fewer, and then waits until somebody has read them.
func (k *linkSink) writeBytes(from *Items, n int) (written int) {
	growth := k.stream.Growth(n)
	for growth > 0 && !k.side.store.Hold(growth) {
		if k.held > 0 {
			growth, n = 0, min(n, k.stream.Spare())
			break
		}
		if n <= leastWritten {
			k.full(from.Call(), growth)
		}
		n = max(n/4, leastWritten)
		growth = k.stream.Growth(n)
	}
	if n == 0 {
		k.stream.WaitToWrite()
		return 0
	}
	k.held += growth
	n = k.stream.Write(from.Bytes()[:n])
	from.Moved(n)
	k.settle()
	return n
}

// writeItems writes up to n items, until there is no room.
func (k *linkSink) writeItems(from *Items, n int) (written int) {
	c := from.Call()
	r := from.Reader(n)
	for i := range n {
		var item link.Item
		if t := r.Type(); t != nil {
			item.Value = r.Value()
			if err := k.side.outgoing(t, &item.Value, &item.Streams); err != nil {
				item.Discard()
				engine.Abort(err)
			}
		}
		bytes := item.Bytes()
		if !k.side.store.Hold(bytes) {
			item.Discard()
			k.full(c, bytes)
		}
		k.held += bytes
		k.stream.Put(item)
		from.Moved(i + 1)
		if k.stream.Room() == 0 {
			return i + 1
		}
	}
	return n
}

func (k *linkSink) full(c *Call, bytes int64) {
	c.Trap("%s: the memory limit has no room for %d bytes that %s has not read", k.side.function, bytes, k.side.other())
}

// Stop implements Consumer. What nobody has read counts until somebody has, or the reader adopts it.
func (k *linkSink) Stop(ended bool) {
	var why error
	if !ended && k.side.store.closed {
		why = k.side.ending()
	}
	k.stream.End(why)
	if k.side.store.closed {
		k.leave()
		return
	}
	if k.settle(); k.held == 0 {
		k.release()
		return
	}
	if k.side.store.unread == nil {
		k.side.store.unread = map[*linkSink]struct{}{}
	}
	k.side.store.unread[k] = struct{}{}
}

// release is called when the store has nothing more of the stream.
func (k *linkSink) release() {
	delete(k.side.store.unread, k)
	k.side.store.Free(k.held)
	k.held = 0
	k.side.remove(k)
}

// leave is called when the store is closed.
func (k *linkSink) leave() {
	k.stream.Leave(cmp.Or(k.side.ending(), errCallerEnded))
	k.release()
}

// cut implements linkEnd.
func (k *linkSink) cut(why error) {
	k.stream.End(cmp.Or(why, errCallerEnded))
	if k.settle(); k.end.stopped {
		k.release()
	}
}

// dropUnread gives up what other stores have not read, when the store is closed.
func (s *Store) dropUnread() {
	for k := range s.unread {
		k.leave()
		s.closedOne()
	}
}
