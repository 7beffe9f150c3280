package wasip3

import (
	"errors"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// content is what a message has beside its head: ends that a component has made it with, or a body of the host.
type content struct {
	host      *host
	body      *wasihttp.Body // nil: it is the component's
	hasStream bool
	stream    uint64
	trailers  uint64
	sent      *outcome // how the transmission has ended
}

var (
	errUnsent = &wasihttp.Error{Code: wasihttp.InternalError, Text: "the message was dropped, and not sent"}
	errBroken = &wasihttp.Error{Code: wasihttp.ConnectionTerminated}
)

// drop gives the content up that nobody has taken.
func (m *content) drop() {
	if m.body != nil {
		m.body.Close(errBroken)
		return
	}
	m.sent.resolve(errUnsent)
	if m.hasStream {
		m.host.discard(m.stream)
	}
	m.host.discard(m.trailers)
}

// discard drops an end that was taken from the component, unless the store ends.
func (h *host) discard(readable uint64) {
	h.store.Do(func() error { return h.store.Discard(readable) })
}

// consume gives a component the content, as consume-body does. res is what the component will say of it.
func (m *content) consume(c call, out *cabi.Writer, res uint64) {
	if m.body == nil {
		if m.hasStream {
			out.Stream(m.stream)
		} else {
			_, stream := c.store.NewStream(out.Type(), empty{})
			out.Stream(stream)
		}
		out.Future(m.trailers)
		c.store.Consume(res, verdict{m.sent.resolve})
		return
	}
	i := &incoming{host: c.host, body: m.body}
	var number uint64
	i.stream, number = c.store.NewStream(out.Type(), incomingStream{i})
	out.Stream(number)
	i.trailers, number = c.store.NewFuture(out.Type(), incomingTrailers{i})
	out.Future(number)
	c.store.Consume(res, verdict{func(err error) {
		if err != nil {
			i.failure = err
			m.body.Close(err)
		}
	}})
}

// send makes the body with which the message is sent. done is called on the store's fiber when the component's part in that has
// ended. An error is an *wasihttp.Error, and there is no body then.
func (m *content) send(f *wasihttp.Fields, ofRequest bool, done func()) (*wasihttp.Body, error) {
	if m.body != nil {
		done()
		return m.body, nil
	}
	if from := m.passed(); from != nil { // what the host has given is given back as a whole
		m.host.discard(m.stream)
		m.host.discard(m.trailers)
		from.passed = true
		from.body.OnClose(m.sent.resolve)
		done()
		return from.body, nil
	}
	body, err := wasihttp.NewBody(f, ofRequest)
	if err != nil {
		m.drop()
		return nil, err
	}
	o := &outgoing{host: m.host, body: body, rest: m.trailers, done: done}
	body.OnClose(func(err error) {
		m.sent.resolve(err)
		m.host.store.Do(o.closed)
	})
	if !m.hasStream {
		if len(f.Get("trailer")) == 0 {
			body.AnnounceNothing()
		}
		o.readTrailers()
		return body, nil
	}
	o.reads = m.host.store.Consume(m.stream, o)
	return body, nil
}

// passed returns the incoming whose stream and future the content consists of, if it does and nothing is lost.
func (m *content) passed() *incoming {
	if !m.hasStream {
		return nil
	}
	s, isStream := m.host.store.ProducerOf(m.stream).(incomingStream)
	t, isTrailers := m.host.store.ProducerOf(m.trailers).(incomingTrailers)
	if !isStream || !isTrailers || s.incoming != t.incoming {
		return nil
	}
	return s.incoming
}

// outgoing is a body that a component writes: the Consumer of its stream.
type outgoing struct {
	host  *host
	body  *wasihttp.Body
	rest  uint64             // the future of the trailers
	reads *component.HostEnd // of the stream, or the future; nil: of neither
	held  int64              // memory of the component for it
	start hostcalls.WaitStart
	done  func() // nil: it was called
}

var (
	_ component.Consumer = (*outgoing)(nil)
	_ component.Readier  = (*outgoing)(nil)
)

// Ready implements component.Readier.
func (o *outgoing) Ready() bool {
	return ready(o.reads, o.body.Writer(), o.body.Op(hostcalls.OpWrite), &o.start)
}

// Consume implements component.Consumer.
func (o *outgoing) Consume(from *component.Items) (more bool) {
	c := from.Call()
	c.Charge(wasi.StreamCost)
	bytes := from.Bytes()
	bytes = bytes[:min(len(bytes), wasi.MaxPiece)]
	if more := o.body.Held(len(bytes)) - o.held; more > 0 {
		if !o.host.store.Hold(more) {
			o.body.Fail(&wasihttp.Error{Code: wasihttp.InternalError, Text: "there is no memory for the body"})
			return false
		}
		o.held += more
	}
	n, err := o.body.Writer().Write(bytes)
	o.start.Use(err)
	c.Charge(wasi.CopyCost(n))
	from.Moved(n)
	if errors.Is(err, hostcalls.ErrWouldBlock) {
		o.reads.Await(since(o.body.Op(hostcalls.OpWrite), &o.start), o.body.Writer())
		return true
	}
	return err == nil
}

// Stop implements component.Consumer.
func (o *outgoing) Stop(ended bool) {
	o.reads = nil
	if ended {
		o.readTrailers()
		return
	}
	o.body.Fail(errBroken) // unless it has failed, or is closed
	o.host.discard(o.rest)
	o.end()
}

// readTrailers goes on with what comes after the stream. Trailers that the host has given, and that are passed on, come when those
// are known.
func (o *outgoing) readTrailers() {
	t, ok := o.host.store.ProducerOf(o.rest).(incomingTrailers)
	if !ok {
		o.reads = o.host.store.Consume(o.rest, outgoingTrailers{o})
		return
	}
	o.host.discard(o.rest)
	pass := func() {
		if t.failure != nil {
			o.body.Fail(t.failure)
		} else {
			_ = o.body.End(t.body.Trailers())
		}
		o.end()
	}
	if t.over {
		pass()
		return
	}
	t.onOver = pass
}

// closed is called when the reader of the body has gone.
func (o *outgoing) closed() error {
	o.host.store.Free(o.held)
	o.held = 0
	if o.reads == nil {
		return nil
	}
	return o.reads.Close()
}

// end tells that nothing else comes.
func (o *outgoing) end() {
	if done := o.done; done != nil {
		o.done = nil
		done()
	}
}

// outgoingTrailers is the Consumer of the future of an outgoing.
type outgoingTrailers struct{ *outgoing }

var _ component.Consumer = outgoingTrailers{}

// Consume implements component.Consumer.
func (t outgoingTrailers) Consume(from *component.Items) (more bool) {
	r := from.Reader(1)
	switch {
	case !r.OK():
		t.body.Fail(wasihttp.ReadError(r))
	case !r.Option():
		_ = t.body.End(nil)
	default:
		f := take(from.Call(), &t.host.fields, r.Own())
		f.Freeze()
		_ = t.body.End(f.Fields)
		f.Release()
	}
	return false
}

// Stop implements component.Consumer.
func (t outgoingTrailers) Stop(bool) {
	t.reads = nil
	t.body.Fail(errBroken) // unless it has ended
	t.end()
}
