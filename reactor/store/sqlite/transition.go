package sqlite

import (
	"github.com/reactord/reactord/reactor/store"
)

// transitionOp changes the state of a workload.
type transitionOp struct {
	verdict
	t        store.Transition
	done     func(int64, error)
	revision int64
}

func (o *transitionOp) workload() string { return o.t.ID }
func (o *transitionOp) bytes() int64     { return int64(len(o.t.Status)) + chunkBytes(o.t.Log) }

func (o *transitionOp) finish(err error) {
	if o.done == nil {
		return
	}
	if err = o.outcome(err); err != nil {
		o.done(0, err)
		return
	}
	o.done(o.revision, nil)
}

func (o *transitionOp) apply(tx *tx) error {
	return o.keep(func() error {
		h, err := tx.head(o.t.ID)
		if err != nil {
			return err
		}
		attempts, err := o.t.Apply(store.State(h.state), uint32(h.attempts))
		if err != nil {
			return err
		}
		if err := tx.append(h, &store.LogAppend{Attempt: attempts, Chunks: o.t.Log, Cut: o.t.Cut}); err != nil {
			return err
		}
		tx.move(h, o.t.To, attempts, o.t.Time, o.t.Status)
		o.revision = h.revision
		return nil
	}())
}

// amendOp replaces the status of a workload.
type amendOp struct {
	call
	a        store.Amendment
	revision int64
}

func (o *amendOp) workload() string { return o.a.ID }
func (o *amendOp) bytes() int64     { return int64(len(o.a.Status)) }

func (o *amendOp) apply(tx *tx) error {
	return o.keep(func() error {
		h, err := tx.head(o.a.ID)
		if err != nil {
			return err
		}
		state, attempts := store.State(h.state), uint32(h.attempts)
		if err := o.a.Apply(state, attempts, h.revision); err != nil {
			return err
		}
		tx.move(h, state, attempts, unstamp(h.updated), o.a.Status)
		o.revision = h.revision
		return nil
	}())
}

// appendOp appends to a workload's log.
type appendOp struct {
	verdict
	a    store.LogAppend
	done func(error)
}

func (o *appendOp) workload() string { return o.a.ID }
func (o *appendOp) bytes() int64     { return chunkBytes(o.a.Chunks) }

func (o *appendOp) finish(err error) {
	if o.done != nil {
		o.done(o.outcome(err))
	}
}

func (o *appendOp) apply(tx *tx) error {
	return o.keep(func() error {
		h, err := tx.head(o.a.ID)
		if err != nil {
			return err
		}
		state, attempts := store.State(h.state), uint32(h.attempts)
		if state.Finished() || attempts != o.a.Attempt {
			return &store.StaleError{ID: h.id, State: state, Attempts: attempts}
		}
		if err := tx.space.forOutput(); err != nil {
			return err
		}
		return tx.append(h, &o.a)
	}())
}

func chunkBytes(chunks []store.LogChunk) int64 {
	var n int64
	for _, c := range chunks {
		n += int64(len(c.Data)) + entryOverhead
	}
	return n
}
