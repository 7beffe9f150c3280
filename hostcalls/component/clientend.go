package component

import (
	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/abi"
	chans "github.com/reactord/reactord/hostcalls/channel"
)

// clientCall is what a call by a client has beside its values: the channels of its streams and futures. In the values that the
// client sends and gets, a stream or future is the number of a channel; in those that cross to the component, that of an end in
// transit.
type clientCall struct {
	store    *Store
	channels *chans.Exchange
	name     string      // of the function, for messages
	result   *types.Type // of the function; or nil
	outs     int         // channels that the component writes and that have not ended
	exited   bool
	stop     note // the client has cancelled
}

const (
	// bytesHeld is the memory of the host for what waits in a channel of bytes to the component; itemsHeld is that for others,
	// whose items take more than they count in a window.
	bytesHeld = chans.WindowBytes
	itemsHeld = 4 * chans.WindowBytes
	// literalHeld is how much more memory a literal takes than it counts.
	literalHeld = 8
)

// begin prepares the call, which is about to be entered: a cancel reaches it, and the store ends when it has exited and its client
// has what it has written.
func (c *clientCall) begin(a *activation, root *rootCall) {
	s := c.store
	c.result = a.lift.plan.Func.Result
	root.ended = func() { c.exited = true }
	s.idleEnds = func() bool {
		if !c.exited || c.outs > 0 && (len(s.idle) < len(s.activations) || !s.operations.none() || s.relays > 0) {
			return false
		}
		s.loop.over = true
		return true
	}
	c.stop = note{enters: true, of: jobOf(func() error { return c.cancel(a) })}
	c.channels.OnCancel(func() { s.post(&c.stop) })
}

// cancel asks the call to end, as a component that has called it would. If it has returned, the client's streams and futures end.
func (c *clientCall) cancel(a *activation) error {
	switch {
	case c.exited || a.Resolved():
		return c.dropEnds()
	case a.RequestCancel():
		return a.run(a.Resume())
	}
	return nil
}

// dropEnds drops the ends of the host that stand for the client's.
func (c *clientCall) dropEnds() error {
	var ends []*HostEnd
	for _, h := range c.store.hostEnds {
		_, source := h.producer.(*clientSource)
		_, sink := h.consumer.(*clientSink)
		if source || sink {
			ends = append(ends, h)
		}
	}
	for _, h := range ends {
		if h.stopped {
			continue
		}
		if err := h.stop(false); err != nil {
			return err
		}
	}
	return nil
}

// returned gives the client what the function has returned.
func (c *clientCall) returned(results []value.Value) error {
	if len(results) == 0 {
		c.channels.Return(nil)
		return nil
	}
	t := c.result
	if size := value.LiteralSize(t, results[0]); size > abi.MaxResultBytes {
		return &abi.ResultSizeError{Bytes: size}
	}
	if err := c.outgoing(t, &results[0]); err != nil {
		return err
	}
	literal := value.LiteralOf(t, results[0])
	c.channels.Return(&literal)
	return nil
}

// incoming makes the channels in a value from the client ends for the component.
func (c *clientCall) incoming(t *types.Type, v *value.Value) error {
	return value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		in := c.channels.In(v.Bits)
		if in == nil {
			return trapf("%s: channel %d is not open", c.name, v.Bits)
		}
		source := &clientSource{call: c, in: in, held: itemsHeld}
		if in.OfBytes() {
			source.held = bytesHeld
		}
		switch ok, err := c.store.tryHold(source.held); {
		case err != nil:
			return err
		case !ok:
			return trapf("%s: the memory limit has no room for another channel, which takes %d bytes of the host's memory", c.name, source.held)
		}
		source.end, v.Bits = c.store.newReadable(t, source)
		in.Attach(source.end.Wake)
		return nil
	})
}

// outgoing makes the ends in a value of the component channels to the client.
func (c *clientCall) outgoing(t *types.Type, v *value.Value) error {
	return value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		sink := &clientSink{call: c, out: c.channels.NewOut(t)}
		if sink.out == nil {
			return trapf("%s: more than %d streams and futures are open to the client", c.name, chans.MaxChannels)
		}
		c.outs++
		sink.end = c.store.Consume(v.Bits, sink)
		sink.out.Attach(sink.end.Wake)
		v.Bits = uint64(sink.out.Number())
		return nil
	})
}

// clientSource writes what a client sends on a channel.
type clientSource struct {
	call *clientCall
	in   *chans.In
	end  *HostEnd
	held int64
}

var (
	_ Producer = (*clientSource)(nil)
	_ Readier  = (*clientSource)(nil)
)

// Ready implements Readier.
func (p *clientSource) Ready() bool { return p.in.Ready() }

// Produce implements Producer.
func (p *clientSource) Produce(to *Items) (more bool) {
	if p.in.OfBytes() {
		n, ended := p.in.Read(to.Bytes())
		to.Moved(n)
		return !ended
	}
	values, ended := p.in.Take(to.Len())
	if len(values) > 0 {
		w := to.Writer(len(values))
		for i := range values {
			if err := p.call.incoming(p.in.Item(), &values[i]); err != nil {
				to.Call().Trap("%v", err)
			}
			if w.Type() != nil {
				w.Value(values[i])
			}
		}
	}
	return !ended
}

// Stop implements Producer.
func (p *clientSource) Stop() {
	p.in.Stop()
	p.call.store.Free(p.held)
}

// clientSink hands a client what a component writes.
type clientSink struct {
	call *clientCall
	out  *chans.Out
	end  *HostEnd
	held int64
}

var (
	_ Consumer = (*clientSink)(nil)
	_ Readier  = (*clientSink)(nil)
)

// Ready implements Readier.
func (s *clientSink) Ready() bool { return s.out.Room() > 0 || s.out.Stopped() }

// Consume implements Consumer. Of items that are no bytes it takes one at a time, since each may be the last that there is room for.
func (s *clientSink) Consume(from *Items) (more bool) {
	s.free(s.out.Sent())
	room := min(s.out.Room(), from.Len())
	switch {
	case s.out.Stopped():
		return false
	case room == 0:
		return true
	case s.out.OfBytes():
		s.hold(from, room)
		s.out.Write(from.Bytes()[:room])
		from.Moved(room)
		return true
	}
	literal := value.Literal{Form: value.TupleForm}
	if r := from.Reader(1); r.Type() != nil {
		t := s.out.Item()
		v := r.Value()
		if err := s.call.outgoing(t, &v); err != nil {
			from.Call().Trap("%v", err)
		}
		s.hold(from, value.LiteralSize(t, v))
		literal = value.LiteralInPieces(t, v, func() { from.Call().Charge(value.PieceLiterals * literalCost) })
	} else {
		s.hold(from, literal.Size())
	}
	s.out.Put(literal)
	return true
}

// factor is how much memory a byte that counts takes.
func (s *clientSink) factor() int64 {
	if s.out.OfBytes() {
		return 1
	}
	return literalHeld
}

func (s *clientSink) hold(from *Items, bytes int) {
	if !s.call.store.Hold(int64(bytes) * s.factor()) {
		from.Call().Trap("%s: the memory limit has no room for %d bytes that its client has not read", s.call.name, bytes)
	}
	s.held += int64(bytes) * s.factor()
}

func (s *clientSink) free(bytes int) {
	s.held -= int64(bytes) * s.factor()
	s.call.store.Free(int64(bytes) * s.factor())
}

// Stop implements Consumer.
func (s *clientSink) Stop(bool) {
	s.out.End()
	s.call.store.Free(s.held)
	s.call.outs--
}
