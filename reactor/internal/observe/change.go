package observe

import (
	"sync"
	"weak"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

// Change is one committed change of a workload. All watches share it and what is derived from it: the first watch
// that needs the record from the store, or the decoded workload, gets it for all.
//
// The decoded workload is held weakly. Watches that keep up look at a change at about the same time; for a late
// one it is decoded again, so that the feed does not hold several times the bytes that clients
// sent.
type Change struct {
	id       string
	state    store.State
	attempts uint32
	status   []byte

	mu      sync.Mutex
	rec     *store.Workload // as of the change, without its spec if that is large; nil: read it from the store
	decoded weak.Pointer[api.Workload]
	size    int // of the encoded spec that decoded was made from
}

// NewChange makes a change. rec is the workload's record before it; nil: it is read from the store.
func NewChange(c *store.Change, rec *store.Workload) *Change {
	out := &Change{id: c.ID, state: c.State, attempts: c.Attempts, status: c.Status}
	if rec != nil {
		out.rec = out.revise(rec)
	}
	return out
}

// revise returns rec as of the change.
func (c *Change) revise(rec *store.Workload) *store.Workload {
	revised := *rec
	revised.State, revised.Attempts, revised.Status = c.state, c.attempts, c.status
	return &revised
}

// record returns the record, and calls read if it is not there. The record is nil if read finds none, and has no
// spec if that is large and was not read just now.
func (c *Change) record(read func() (*store.Workload, error)) (*store.Workload, error) {
	c.mu.Lock()
	rec := c.rec
	c.mu.Unlock()
	if rec != nil {
		return rec, nil
	}
	full, err := read() // without mu, since it may block
	if full == nil || err != nil {
		return nil, err
	}
	full = c.revise(full)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rec = record.Slim(full)
	return full, nil
}

// workload returns the decoded workload and the size of its encoded spec; nil if it is no longer held.
func (c *Change) workload() (*api.Workload, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.decoded.Value(), c.size
}

// decode decodes a record of the change that has its spec, unless another watch has done so.
func (c *Change) decode(rec *store.Workload) (*api.Workload, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if out := c.decoded.Value(); out != nil {
		return out, nil
	}
	out, err := record.Decode(rec)
	if err == nil {
		c.decoded, c.size = weak.Make(out), len(rec.Spec)
	}
	return out, err
}
