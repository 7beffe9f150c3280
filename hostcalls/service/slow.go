package service

import (
	"cmp"
	"slices"
	"sync/atomic"
	"time"
)

// A client that does not read its response, or does not send its body, has the instance that answers it for as long as the request may
// take. While other requests wait for an instance, those of the slowest clients are broken off.
const (
	// patience is how much longer a client may take than slowRate allows.
	patience = 5 * time.Second
	// slowRate is how many bytes a second a client moves at least.
	slowRate = 64 << 10
)

// drag is how much longer a client has taken, in one direction, than slowRate allows: the time that somebody has waited for it counts,
// and that of the component does not. Times are since the request came. One goroutine waits at a time; of is called by any.
type drag struct {
	debt  atomic.Int64 // of the waits that are over, in nanoseconds
	since atomic.Int64 // when the wait has begun, in nanoseconds; 0: nobody waits
}

// begin begins a wait, and end ends it: n bytes have moved.
func (d *drag) begin(at time.Duration) { d.since.Store(max(1, int64(at))) }

func (d *drag) end(at time.Duration, n int) {
	waited := int64(at) - d.since.Swap(0)
	d.debt.Store(max(0, d.debt.Load()+waited-int64(n)*int64(time.Second)/slowRate))
}

// of returns by how much the client is late.
func (d *drag) of(at time.Duration) time.Duration {
	late := d.debt.Load()
	if since := d.since.Load(); since != 0 {
		late += int64(at) - since
	}
	return time.Duration(late)
}

// drags returns by how much the client of a request is late, in the worse direction.
func (r *request) drags(now time.Time) time.Duration {
	if r.called != nil {
		return 0
	}
	at := now.Sub(r.start)
	return max(r.in.drag.of(at), r.out.drag.of(at))
}

// slowest returns the requests to break off, the slowest first: as many as wait for an instance, unless the wait has just begun. mu is
// held.
func (s *supervisor) slowest(now time.Time) (slow []*request) {
	since := now // one waits
	for t := range s.pool.waiting.all() {
		if t.request.start.Before(since) {
			since = t.request.start
		}
	}
	if s.pool.waiting.length == 0 || now.Sub(since) < tendEvery || s.config.Network.Traffic.HasRate() {
		return nil
	}
	for i := range s.instances {
		for r := range i.requests {
			if !r.gone && !r.sent && r.drags(now) > s.slow {
				slow = append(slow, r)
			}
		}
	}
	slices.SortFunc(slow, func(a, b *request) int { return cmp.Compare(b.drags(now), a.drags(now)) })
	return slow[:min(len(slow), s.pool.waiting.length)]
}
