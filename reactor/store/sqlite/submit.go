package sqlite

import (
	"errors"

	"github.com/reactord/reactord/reactor/store"
)

// verdict is the refusal of an op, nil if it was not refused.
type verdict struct{ refused error }

// keep keeps the error of an apply if it is a refusal, and returns any other error.
func (v *verdict) keep(err error) error {
	if v.refused = nil; refusal(err) {
		v.refused, err = err, nil
	}
	return err
}

// outcome returns what to tell the caller, given the error of the transaction. A refusal because of a damaged
// record stands even though SQLite then spoils the transaction.
func (v *verdict) outcome(err error) error {
	if v.refused != nil && (err == nil || damaged(err)) {
		return v.refused
	}
	return err
}

// call is an op's connection to a caller that waits for it.
type call struct {
	verdict
	done chan error // buffered: the caller may have given up
}

func newCall() call { return call{done: make(chan error, 1)} }

func (c *call) finish(err error)     { c.done <- c.outcome(err) }
func (c *call) result() <-chan error { return c.done }
func (c *call) workload() string     { return "" }
func (c *call) bytes() int64         { return 1 << 10 }

// submitOp creates workloads.
type submitOp struct {
	call
	workloads []*store.Workload
	results   []store.Submitted
	size      int64
	release   func()
}

func (o *submitOp) bytes() int64 { return o.size }

func (o *submitOp) finish(err error) {
	o.release()
	o.call.finish(err)
}

func (o *submitOp) apply(tx *tx) error {
	if err := tx.space.forWork(); err != nil {
		return o.keep(err)
	}
	o.results = make([]store.Submitted, len(o.workloads))
	for i, w := range o.workloads {
		result, err := tx.submit(w)
		if err != nil {
			return err
		}
		o.results[i] = result
	}
	return nil
}

func (tx *tx) submit(w *store.Workload) (store.Submitted, error) {
	has, err := tx.hasModule(w.Module)
	if err != nil {
		return store.Submitted{}, err
	}
	if has {
		created, err := tx.create(w)
		if created != nil || err != nil {
			return store.Submitted{Workload: created, Created: true}, err
		}
	}
	existing, err := tx.existing(w.ID, w.SpecHash)
	var notFound *store.NotFoundError
	switch {
	case errors.As(err, &notFound):
		return store.Submitted{Err: &store.NotFoundError{Kind: store.KindModule, Name: w.Module.String()}}, nil
	case refusal(err):
		return store.Submitted{Err: err}, nil
	}
	return store.Submitted{Workload: existing}, err
}

// existing returns the workload of an id, as this transaction leaves it, for a submission with that hash.
func (tx *tx) existing(id string, hash store.Digest) (*store.Workload, error) {
	if err := tx.flush(); err != nil {
		return nil, err
	}
	return existing(tx.conn, id, hash)
}

// create inserts a workload and returns its record, nil if the id is taken.
func (tx *tx) create(w *store.Workload) (*store.Workload, error) {
	r := record{
		life: life{
			seq:      tx.marks.sequence + 1,
			state:    int64(store.Pending),
			updated:  stamp(w.Created),
			revision: tx.marks.revision + 1,
			status:   w.Status,
		},
		id:      w.ID,
		tenant:  w.Tenant,
		name:    w.Name,
		labels:  appendLabels(nil, w.Labels),
		module:  w.Module[:],
		created: stamp(w.Created),
	}
	r.fixedSum = r.sumFixed(w.SpecHash[:], w.Spec)
	r.stateSum = r.sumState()
	inserted, err := tx.exec(`INSERT INTO workloads (`+recordColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
		r.seq, r.state, r.attempts, r.updated, r.revision, notNil(r.status), r.stateSum,
		r.id, r.tenant, r.name, notNil(r.labels), r.module, r.created, r.fixedSum)
	if inserted == 0 || err != nil {
		return nil, err
	}
	if _, err := tx.exec(`INSERT INTO specs (seq, hash, spec) VALUES (?, ?, ?)`, r.seq, w.SpecHash[:], notNil(w.Spec)); err != nil {
		return nil, err
	}
	for key, value := range w.Labels {
		if _, err := tx.exec(`INSERT INTO labels (key, value, seq) VALUES (?, ?, ?)`, key, value, r.seq); err != nil {
			return nil, err
		}
	}
	tx.marks.sequence, tx.marks.revision = r.seq, r.revision
	tx.count(w.Module, store.Pending, +1)
	if err := tx.use(w.Module, r.created); err != nil {
		return nil, err
	}
	tx.heads[w.ID] = &head{life: r.life, id: w.ID, module: w.Module, emptyLog: true}
	stored := *w
	stored.State, stored.Attempts, stored.Updated, stored.Revision = store.Pending, 0, w.Created, r.revision
	tx.changes = append(tx.changes, store.Change{
		ID: w.ID, Revision: r.revision, State: store.Pending, Status: w.Status, Created: &stored,
	})
	return &stored, nil
}
