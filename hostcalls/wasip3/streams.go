package wasip3

import (
	"sync/atomic"
	"time"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// outcome is the value of a future<result<_, error-code>>: how what a stream or a message does has ended.
type outcome struct {
	host  *host
	end   *component.HostEnd // nil until the future is given
	value atomic.Pointer[ending]
	put   func(*cabi.Writer, error) // writes an error-code
}

// ending is why something has ended; nil: it has succeeded.
type ending struct{ err error }

var succeeded = &ending{}

var _ component.Producer = (*outcome)(nil)

// newOutcome makes an outcome, which counts as memory of the component until its future has ended.
func (c call) newOutcome(put func(*cabi.Writer, error)) *outcome {
	c.hold(wasi.ObjectBytes, "another outcome")
	return &outcome{host: c.host, put: put}
}

// outcomeOfStream makes the outcome of a stream, before that, since it may trap: the stream counts, too, until it calls release.
func (c call) outcomeOfStream(put func(*cabi.Writer, error)) *outcome {
	c.hold(wasi.ObjectBytes, "another stream of the host")
	return c.newOutcome(put)
}

// release is called when the stream, or the future, has ended.
func (o *outcome) release() { o.host.store.Free(wasi.ObjectBytes) }

// give writes the outcome's future, which is what to writes next.
func (o *outcome) give(c call, to *cabi.Writer) {
	end, future := c.store.NewFuture(to.Type(), o)
	o.end = end
	to.Future(future)
}

// produce answers a function that returns a stream and its outcome, which is known already if failed is not nil.
func (o *outcome) produce(c call, p component.Producer, failed error) *component.HostEnd {
	out := c.Results.Record()
	end, stream := c.store.NewStream(out.Type(), p)
	out.Stream(stream)
	o.give(c, out)
	if failed != nil {
		o.resolve(failed)
	}
	return end
}

// consume answers a function that takes a stream and returns its outcome, which is known already if failed is not nil.
func (o *outcome) consume(c call, data uint64, to component.Consumer, failed error) *component.HostEnd {
	end := c.store.Consume(data, to) // first, so that its Stop is called if the future can't be given
	o.give(c, &c.Results)
	if failed != nil {
		o.resolve(failed)
	}
	return end
}

// resolve tells how it has ended; only the first call has an effect. It may be called from any goroutine.
func (o *outcome) resolve(err error) {
	how := succeeded
	if err != nil {
		how = &ending{err}
	}
	if o.value.CompareAndSwap(nil, how) && o.end != nil {
		o.end.Wake()
	}
}

// Produce implements component.Producer.
func (o *outcome) Produce(to *component.Items) (more bool) {
	over := o.value.Load()
	if over == nil {
		return true
	}
	w := to.Writer(1)
	if over.err == nil {
		w.OK()
		return false
	}
	w.Err()
	o.put(w, over.err)
	return false
}

// Stop implements component.Producer.
func (o *outcome) Stop() { o.release() }

// ready reports whether a stream is ready, and has an end of the host wait for that otherwise, by an operation.
func ready(end *component.HostEnd, on hostcalls.Notifier, op hostcalls.Op, start *hostcalls.WaitStart) bool {
	if hostcalls.Ready(on) {
		start.End()
		return true
	}
	end.Await(since(op, start), on)
	return false
}

// since says since when an operation waits.
func since(op hostcalls.Op, start *hostcalls.WaitStart) hostcalls.Op {
	op.Start = start.Poll(time.Now())
	return op
}
