package wasip3

import (
	"errors"
	"io"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// incoming is a body of the host that a component reads: as a stream, and a future of what comes after it.
type incoming struct {
	host             *host
	body             *wasihttp.Body
	stream, trailers *component.HostEnd
	held             int64 // memory of the component for it
	start            hostcalls.WaitStart
	over             bool // the stream has ended
	passed           bool // the body has become another message's
	failure          error
	onOver           func() // or nil
}

// incomingStream is the Producer of the stream of an incoming, and incomingTrailers that of its future.
type (
	incomingStream   struct{ *incoming }
	incomingTrailers struct{ *incoming }
)

var (
	_ component.Producer = incomingStream{}
	_ component.Readier  = incomingStream{}
	_ component.Producer = incomingTrailers{}
)

// hold counts the memory that the body takes while it is read, unless all of it is there.
func (i *incoming) hold() (ok bool) {
	if _, whole := i.body.Whole(); i.held > 0 || whole {
		return true
	}
	const bytes = wasihttp.BodyBytes + wasihttp.FillBytes
	if ok = i.host.store.Hold(bytes); ok {
		i.held = bytes
	}
	return ok
}

// Ready implements component.Readier.
func (s incomingStream) Ready() bool {
	return !s.hold() || ready(s.stream, s.body.Reader(), s.body.Op(hostcalls.OpRead), &s.start)
}

// Produce implements component.Producer.
func (s incomingStream) Produce(to *component.Items) (more bool) {
	c := to.Call()
	c.Charge(wasi.StreamCost)
	if !s.hold() {
		s.failure = &wasihttp.Error{Code: wasihttp.InternalError, Text: "there is no memory for the body"}
		return false
	}
	bytes := to.Bytes()
	n, err := s.body.Reader().Read(bytes[:min(len(bytes), wasi.MaxPiece)])
	s.start.Use(err)
	c.Charge(wasi.CopyCost(n))
	to.Moved(n)
	switch {
	case n > 0:
		return true // the next read meets an error
	case errors.Is(err, hostcalls.ErrWouldBlock):
		s.stream.Await(since(s.body.Op(hostcalls.OpRead), &s.start), s.body.Reader())
		return true
	case !errors.Is(err, io.EOF):
		s.failure = err
	}
	return false
}

// Stop implements component.Producer.
func (s incomingStream) Stop() {
	s.over = true
	if !s.passed {
		s.body.Close(s.failure)
	}
	s.host.store.Free(s.held)
	s.held = 0
	if s.trailers != nil {
		s.trailers.Wake()
	}
	if s.onOver != nil {
		s.onOver()
	}
}

// Produce implements component.Producer.
func (t incomingTrailers) Produce(to *component.Items) (more bool) {
	if !t.over {
		return true
	}
	w := to.Writer(1)
	trailers := t.body.Trailers()
	switch {
	case t.failure != nil:
		w.Err()
		wasihttp.PutError(w, t.failure)
	case trailers == nil:
		w.OK()
		w.None()
	default:
		c := call{to.Call(), t.host}
		w.OK()
		w.Some()
		w.Own(give(c, &c.fields, &fields{HTTPFields: wasi.MustHTTPFields(c.Call, trailers)}))
	}
	return false
}

// Stop implements component.Producer.
func (incomingTrailers) Stop() {}

// empty is a stream without items.
type empty struct{}

var _ component.Producer = empty{}

// Produce implements component.Producer.
func (empty) Produce(*component.Items) (more bool) { return false }

// Stop implements component.Producer.
func (empty) Stop() {}

// verdict is what a component says of a message that it has consumed.
type verdict struct{ tell func(error) }

var _ component.Consumer = verdict{}

// Consume implements component.Consumer.
func (v verdict) Consume(from *component.Items) (more bool) {
	r := from.Reader(1)
	if r.OK() {
		v.tell(nil)
		return false
	}
	v.tell(wasihttp.ReadError(r))
	return false
}

// Stop implements component.Consumer.
func (v verdict) Stop(bool) {}
