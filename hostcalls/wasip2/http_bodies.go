package wasip2

import (
	"errors"
	"io"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/wasi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

func httpBodyFunctions() []component.Function {
	return []component.Function{
		function("[method]incoming-body.stream", "func(self: borrow<incoming-body>) -> result<input-stream>", func(c call) {
			b := c.http.incomingBodies.Get(c.Args.Borrow())
			if b.streamed {
				c.Results.Err()
				return
			}
			b.streamed = true
			c.Results.OK()
			c.Results.Own(give(c, &c.inputs, &inputStream{from: &bodyInput{incomingBody: b}}, b))
		}),
		function("[static]incoming-body.finish", "func(this: incoming-body) -> future-trailers", func(c call) {
			b := take(c.Call, &c.http.incomingBodies, c.Args.Own())
			c.Results.Own(give(c, &c.http.trailers, &futureTrailers{body: b}, nil))
		}),
		function("[method]future-trailers.subscribe", "func(self: borrow<future-trailers>) -> pollable", func(c call) {
			t := c.http.trailers.Get(c.Args.Borrow())
			c.subscribe(t, t)
		}),
		function("[method]future-trailers.get", "func(self: borrow<future-trailers>) -> option<result<result<option<trailers>, error-code>>>", func(c call) {
			c.http.trailers.Get(c.Args.Borrow()).get(c)
		}),
		function("[method]outgoing-body.write", "func(self: borrow<outgoing-body>) -> result<output-stream>", func(c call) {
			b := c.http.outgoingBodies.Get(c.Args.Borrow())
			if b.streamed {
				c.Results.Err()
				return
			}
			b.streamed = true
			c.Results.OK()
			c.Results.Own(give(c, &c.outputs, &outputStream{to: &bodyOutput{outgoingBody: b}}, b))
		}),
		function("[static]outgoing-body.finish", "func(this: outgoing-body, trailers: option<trailers>) -> result<_, error-code>", func(c call) {
			b := take(c.Call, &c.http.outgoingBodies, c.Args.Own())
			var trailers *wasihttp.Fields
			if c.Args.Option() {
				f := take(c.Call, &c.http.fields, c.Args.Own()).HTTPFields
				f.Freeze()
				trailers = f.Fields
				f.Release()
			}
			if err := b.body.End(trailers); err != nil {
				c.Results.Err()
				wasihttp.PutError(&c.Results, err)
				return
			}
			c.Results.OK()
		}),
	}
}

// incomingBody is a body that a component reads.
type incomingBody struct {
	component.Object
	host     *host
	body     *wasihttp.Body
	streamed bool
	held     int64
	over     error // io.EOF, or an error; nil: there may be more
	start    hostcalls.WaitStart
}

// Drop implements component.Dropper.
func (b *incomingBody) Drop() {
	var err error
	if !errors.Is(b.over, io.EOF) {
		err = b.over
	}
	b.body.Close(err)
	b.host.store.Free(b.held)
	b.held = 0
}

// hold counts the memory that the body takes while it is read, unless all of it is there.
func (b *incomingBody) hold() (ok bool) {
	if _, whole := b.body.Whole(); b.held > 0 || whole {
		return true
	}
	const bytes = wasihttp.BodyBytes + wasihttp.FillBytes
	if ok = b.host.store.Hold(bytes); ok {
		b.held = bytes
	}
	return ok
}

// Notify implements hostcalls.Notifier.
func (b *incomingBody) Notify(ready func()) (stop func()) { return b.body.Reader().Notify(ready) }

func (b *incomingBody) op() hostcalls.Op              { return b.body.Op(hostcalls.OpRead) }
func (b *incomingBody) waiting() *hostcalls.WaitStart { return &b.start }

// bodyInput is the stream of an incomingBody.
type bodyInput struct{ *incomingBody }

var _ input = (*bodyInput)(nil)

func (*bodyInput) ready() bool { return true }
func (*bodyInput) close()      {}

func (i *bodyInput) read(c call, n uint32) (files.Buffer, int, error) {
	if !i.hold() {
		c.Trap("there is no memory for the body of an HTTP message")
	}
	buf, got, err := readInto(i.body.Reader(), n)
	if err != nil && !errors.Is(err, hostcalls.ErrWouldBlock) {
		i.over = err
	}
	return buf, got, err
}

// futureTrailers is what comes after a body. What the component has not read of that is dropped.
type futureTrailers struct {
	component.Object
	body  *incomingBody
	given bool
}

var _ waitable = (*futureTrailers)(nil)

// Drop implements component.Dropper.
func (t *futureTrailers) Drop() { t.body.Drop() }

// Notify implements hostcalls.Notifier.
func (t *futureTrailers) Notify(ready func()) (stop func()) {
	if t.body.over != nil {
		ready()
		return func() {}
	}
	return t.body.Notify(ready)
}

func (t *futureTrailers) op() hostcalls.Op              { return t.body.op() }
func (t *futureTrailers) waiting() *hostcalls.WaitStart { return t.body.waiting() }

func (t *futureTrailers) ready() bool {
	if t.body.over == nil && !t.body.hold() {
		t.body.over = &wasihttp.Error{Code: wasihttp.InternalError, Text: "there is no memory for the body"}
	}
	buf := files.Borrow(wasihttp.BodyBytes)
	defer buf.GiveBack()
	for t.body.over == nil {
		if _, err := t.body.body.Reader().Read(buf.Bytes); errors.Is(err, hostcalls.ErrWouldBlock) {
			return false
		} else if err != nil {
			t.body.over = err
		}
	}
	return true
}

func (t *futureTrailers) get(c call) {
	c.Charge(wasi.StreamCost)
	if !t.ready() {
		c.Results.None()
		return
	}
	c.Results.Some()
	if t.given {
		c.Results.Err()
		return
	}
	t.given = true
	c.Results.OK()
	trailers := t.body.body.Trailers()
	switch {
	case !errors.Is(t.body.over, io.EOF):
		c.Results.Err()
		wasihttp.PutError(&c.Results, t.body.over)
	case trailers == nil:
		c.Results.OK()
		c.Results.None()
	default:
		c.Results.OK()
		c.Results.Some()
		c.giveFields(wasi.MustHTTPFields(c.Call, trailers))
	}
}

// outgoingBody is a body that a component writes.
type outgoingBody struct {
	component.Object
	host     *host
	body     *wasihttp.Body
	streamed bool
	held     int64
	start    hostcalls.WaitStart
}

// follow frees the memory of the body when its reader has gone.
func (b *outgoingBody) follow() {
	store := b.host.store
	b.body.OnClose(func(error) {
		store.Do(func() error {
			store.Free(b.held)
			b.held = 0
			return nil
		})
	})
}

// Drop implements component.Dropper. A body that is not finished is broken.
func (b *outgoingBody) Drop() { b.body.Fail(&wasihttp.Error{Code: wasihttp.ConnectionTerminated}) }

// bodyOutput is the stream of an outgoingBody.
type bodyOutput struct{ *outgoingBody }

var _ output = (*bodyOutput)(nil)

// Notify implements hostcalls.Notifier.
func (o *bodyOutput) Notify(ready func()) (stop func()) { return o.body.Writer().Notify(ready) }

func (*bodyOutput) ready() bool                     { return true }
func (o *bodyOutput) op() hostcalls.Op              { return o.body.Op(hostcalls.OpWrite) }
func (o *bodyOutput) waiting() *hostcalls.WaitStart { return &o.start }
func (*bodyOutput) close()                          {}

func (o *bodyOutput) room(call) (int, error) {
	n, over := o.body.Writer().Room()
	if over {
		return 0, errClosed
	}
	return n, nil
}

func (o *bodyOutput) write(c call, p []byte) error {
	if more := o.body.Held(len(p)) - o.held; more > 0 {
		if !c.store.Hold(more) {
			c.Trap("there is no memory for the body of an HTTP message")
		}
		o.held += more
	}
	_, err := o.body.Writer().Write(p) // there is room
	if errors.Is(err, hostcalls.ErrBrokenPipe) {
		return errClosed
	}
	return err
}

// flush has nothing to do: a body is sent as its message is, and a component may write to it before that.
func (o *bodyOutput) flush(call) (done bool, err error) {
	if _, err := o.room(call{}); err != nil {
		return true, err
	}
	return true, nil
}
