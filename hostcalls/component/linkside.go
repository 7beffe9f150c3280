package component

import (
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
)

// linkSide is one side of a call between workloads, as far as streams and futures cross beside the values: the ends that the host has
// for them in this store. A stream that one side writes is a link.Stream, and the other side reads it.
type linkSide struct {
	store    *Store
	function string       // that is called
	peer     string       // the workload at the other side; empty: a call without one
	serves   bool         // the other side has called
	givenUp  bool         // the component has cancelled the call
	by       *lease.Lease // of the side that calls
	ends     map[linkEnd]struct{}
	sinks    int                       // of ends
	unwatch  func()                    // the lease, while there are ends
	revoked  note                      // the lease was
	over     func()                    // is called when no end is left; nil: nobody asks
	lost     func(failure error) error // words for the other side why the store ends
	moved    atomic.Bool               // something was, since it was asked last
}

// linkEnd is a linkSource or a linkSink.
type linkEnd interface {
	// cut ends the other side of the stream, and why is told there.
	cut(why error)
	// host is the end of the host in this store.
	host() *HostEnd
}

const (
	// maxLinkSinks bounds the streams and futures that a component writes for one call of another workload, which has a handle of each.
	maxLinkSinks = 1 << 10
	// linkEndBytes is the memory that an end takes, about, with its half of the stream.
	linkEndBytes = 1 << 10
	// linkEndCost is the fuel for an end.
	linkEndCost = 2_000
)

// errCallerEnded is why the streams of a workload end that has called another one.
var errCallerEnded = errors.New("the workload that has called has ended")

// add begins to count an end.
func (l *linkSide) add(e linkEnd) error {
	if err := l.store.Charge(linkEndCost); err != nil {
		return err
	}
	switch ok, err := l.store.tryHold(linkEndBytes); {
	case err != nil:
		return err
	case !ok:
		return trapf("%s: the memory limit has no room for another stream or future, which takes %d bytes of the host's memory", l.function, linkEndBytes)
	}
	if l.ends == nil {
		l.ends = map[linkEnd]struct{}{}
	}
	if len(l.ends) == 0 && l.by != nil {
		l.revoked.of = jobOf(l.revoke)
		l.unwatch = l.by.OnRevoke(func() { l.store.post(&l.revoked) })
	}
	l.ends[e] = struct{}{}
	if _, ok := e.(*linkSink); ok {
		l.sinks++
	}
	return nil
}

// remove is called when an end does not count any more. It may be called more than once.
func (l *linkSide) remove(e linkEnd) {
	if _, ok := l.ends[e]; !ok {
		return
	}
	delete(l.ends, e)
	if _, ok := e.(*linkSink); ok {
		l.sinks--
	}
	l.store.Free(linkEndBytes)
	switch {
	case len(l.ends) > 0:
	case l.unwatch != nil:
		l.unwatch()
		l.unwatch = nil
	case l.over != nil && !l.store.closed:
		l.over()
	}
}

// outgoing makes streams of the ends in a value of the component.
func (l *linkSide) outgoing(t *types.Type, v *value.Value, streams *[]*link.Stream) error {
	return value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		if !l.serves && l.sinks == maxLinkSinks {
			return trapf("%s: more than %d streams and futures of a call are open to %s", l.function, maxLinkSinks, l.other())
		}
		s := link.NewStream(t, &l.store.loaded.abi.buffers)
		k := &linkSink{linkHalf{side: l, stream: s, typ: t}}
		if err := l.add(k); err != nil {
			return err
		}
		k.note.of = jobOf(k.onWake)
		k.end = l.store.Consume(v.Bits, k)
		s.Writes(func() { l.store.post(&k.note) })
		v.Bits = uint64(len(*streams))
		*streams = append(*streams, s)
		return nil
	})
}

// incoming makes ends for the component of the streams in a value. Those are delivered.
func (l *linkSide) incoming(t *types.Type, v *value.Value, streams []*link.Stream) error {
	return value.Channels(t, v, func(t *types.Type, v *value.Value) error {
		s := streams[v.Bits]
		p := &linkSource{linkHalf: linkHalf{side: l, stream: s, typ: t}}
		if err := l.add(p); err != nil {
			return err
		}
		streams[v.Bits] = nil
		p.note.of = jobOf(p.onWake)
		p.end, v.Bits = l.store.newReadable(t, p)
		s.Reads(func() { l.store.post(&p.note) })
		return nil
	})
}

// outgoingAll is outgoing for the values of a call, which become a parcel.
func (l *linkSide) outgoingAll(types []types.Field, values []value.Value) (p link.Parcel, err error) {
	p.Values = values
	for i := range values {
		if err := l.outgoing(types[i].Type, &values[i], &p.Streams); err != nil {
			p.Discard()
			return p, err
		}
	}
	return p, nil
}

// cut ends all that there is of streams and futures; why, unless nil, is told at the other side. The component sees that nobody reads
// what it writes, and the ends of the streams that it reads.
func (l *linkSide) cut(why error) error {
	for e := range l.ends {
		e.cut(why)
		h := e.host()
		l.remove(e)
		if h.stopped || h.producer != nil && h.end.Future() {
			continue // nobody can tell a component that a future has no value
		}
		if err := h.stop(false); err != nil {
			return err
		}
	}
	return nil
}

// revoke is called when the lease was revoked. The component traps when it uses an end, or waits for one; the other side is told that
// its caller has ended.
func (l *linkSide) revoke() error {
	for e := range l.ends {
		e.cut(errCallerEnded)
		if err := e.host().serve(); err != nil {
			return err
		}
	}
	return nil
}

// check traps if what was granted was revoked.
func (l *linkSide) check(c *Call) {
	if l.by.Revoked() {
		c.Trap("the grant was revoked: %s", l.by)
	}
}

// fails reports whether the component traps if the other side has ended for a reason: if it has called, and still wants what it has called
// for. Otherwise the end is all that it sees.
func (l *linkSide) fails(why error) bool { return why != nil && !l.serves && !l.givenUp }

// fault traps since the other side has failed.
func (l *linkSide) fault(c *Call, of *types.Type, why error) {
	c.Trap("%s, which is at the other end of a %s of %s: %v", l.other(), of, l.function, why)
}

// other names who is at the other side.
func (l *linkSide) other() string {
	if l.peer == "" {
		return "a call without a workload"
	}
	return "workload " + l.peer
}

// ending is why a stream ends, as the store is closed, that the component has not ended. It is nil if a component that has called has
// done all that it was to do.
func (l *linkSide) ending() error {
	switch failure := l.store.loop.failure; {
	case l.serves:
		return l.lost(failure)
	case failure != nil:
		return errCallerEnded
	default:
		return nil
	}
}

// progress notes that something has moved.
func (l *linkSide) progress() {
	if l.serves && !l.moved.Load() {
		l.moved.Store(true)
	}
}

// waitFor is what an end waits for.
func (l *linkSide) waitFor(kind hostcalls.OpKind, s *link.Stream) hostcalls.Op {
	what := "stream"
	if s.Future() {
		what = "future"
	}
	return hostcalls.Op{
		Kind: kind, Target: fmt.Sprintf("%s %s %s", l.other(), l.function, what),
		Subject: linkSubject{l.peer, l.by, s},
	}
}
