package wasip3

import (
	"sync/atomic"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// outcome is the value of a future<result<_, error-code>>: how what a stream does has ended.
type outcome struct {
	host  *host
	end   *component.HostEnd
	value atomic.Pointer[ending]
	put   func(*cabi.Writer, error) // writes an error-code
}

// ending is why something has ended; nil: it has succeeded.
type ending struct{ err error }

var _ component.Producer = (*outcome)(nil)

// streamBytes is about what a stream with its outcome takes of the host's memory.
const streamBytes = 2 * wasi.ObjectBytes

// newOutcome makes an outcome, before its stream, since it may trap: it counts both as memory of the component until the future
// that give writes has ended.
func (c call) newOutcome(put func(*cabi.Writer, error)) *outcome {
	if !c.store.Hold(streamBytes) {
		c.Trap("there is no memory for another stream of the host")
	}
	return &outcome{host: c.host, put: put}
}

// give writes the outcome's future, which is what to writes next.
func (o *outcome) give(c call, to *cabi.Writer) {
	end, future := c.store.NewFuture(to.Type(), o)
	o.end = end
	to.Future(future)
}

// resolve tells how it has ended; only the first call has an effect. It may be called from any goroutine.
func (o *outcome) resolve(err error) {
	if o.value.CompareAndSwap(nil, &ending{err}) {
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
func (o *outcome) Stop() { o.host.store.Free(streamBytes) }
