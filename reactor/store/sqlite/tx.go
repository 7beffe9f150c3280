package sqlite

import (
	"errors"
	"time"

	"github.com/reactord/reactord/reactor/store"
)

// tx is a transaction. It holds back what may change again before the commit: heads of workloads, ends of logs,
// counts. Call flush before querying those tables.
type tx struct {
	*conn
	marks marks
	space *space
	tags  tagBounds
	known map[string]head // writer.known
	// usesBefore is writer.uses.
	usesBefore map[store.Digest]int64
	heads      map[string]*head // nil for a deleted workload
	dirty      []*head
	logs       []*logEnd
	counts     map[countKey]int64
	modules    map[store.Digest]bool
	uses       map[store.Digest]int64 // the uses of modules that this transaction writes; nil if there are none
	changes    []store.Change
}

type countKey struct {
	module store.Digest
	state  store.State
}

// head has what a transaction needs of a workload's record to change its state.
type head struct {
	life
	id       string
	module   store.Digest
	dirty    bool
	emptyLog bool    // nothing was ever appended to the log
	log      *logEnd // nil until something is appended
}

func (w *writer) begin() (*tx, error) {
	if _, err := w.conn.exec("BEGIN IMMEDIATE"); err != nil {
		return nil, err
	}
	return &tx{
		conn:  w.conn,
		marks: w.marks,
		space: &w.space,
		tags:  w.tagBounds,
		known: w.known,

		usesBefore: w.uses,

		heads:   make(map[string]*head),
		counts:  make(map[countKey]int64),
		modules: make(map[store.Digest]bool),
	}, nil
}

func (tx *tx) commit() error {
	_, err := tx.exec("COMMIT")
	return err
}

// rollback ends the transaction because of err, which it returns. After some errors SQLite has already rolled
// back, so a failure of the rollback means nothing.
func (tx *tx) rollback(err error) error {
	_, _ = tx.exec("ROLLBACK")
	return err
}

// head returns the head of a workload. It fails with a *store.NotFoundError or *store.CorruptError.
func (tx *tx) head(id string) (*head, error) {
	if h, ok := tx.heads[id]; ok {
		if h == nil {
			return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
		}
		return h, nil
	}
	if h, ok := tx.known[id]; ok {
		tx.heads[id] = &h
		return &h, nil
	}
	h := &head{id: id}
	var module []byte
	found, err := tx.one(`SELECT `+lifeColumns+`, module FROM workloads WHERE id = ?`, []any{id}, append(h.fields(), &module)...)
	switch {
	case damaged(err):
		return nil, corruptWorkload(id, err)
	case err != nil:
		return nil, err
	case !found:
		return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
	case h.sumState() != h.stateSum:
		return nil, corruptWorkload(id, errSum)
	}
	copy(h.module[:], module)
	tx.heads[id] = h
	return h, nil
}

// move sets a new state, with the next revision.
func (tx *tx) move(h *head, to store.State, attempts uint32, updated time.Time, status []byte) {
	tx.count(h.module, store.State(h.state), -1)
	tx.count(h.module, to, +1)
	tx.marks.revision++
	h.state = int64(to)
	h.attempts = int64(attempts)
	h.updated = stamp(updated)
	h.revision = tx.marks.revision
	h.status = status
	if !h.dirty {
		h.dirty = true
		tx.dirty = append(tx.dirty, h)
	}
	tx.changes = append(tx.changes, store.Change{
		ID: h.id, Revision: h.revision, State: to, Attempts: attempts, Status: status,
	})
}

func (tx *tx) count(module store.Digest, state store.State, n int64) {
	tx.counts[countKey{module, state}] += n
}

// flush writes what was held back.
func (tx *tx) flush() error {
	for _, h := range tx.dirty {
		if err := tx.writeHead(h); err != nil {
			return err
		}
		h.dirty = false
	}
	tx.dirty = tx.dirty[:0]
	for _, l := range tx.logs {
		if err := l.write(tx.conn); err != nil {
			return err
		}
	}
	for key, n := range tx.counts {
		if n == 0 {
			continue
		}
		_, err := tx.exec(`INSERT INTO counts (module, state, n) VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n`,
			key.module[:], int64(key.state), n)
		if err != nil {
			return err
		}
	}
	clear(tx.counts)
	return nil
}

func (tx *tx) writeHead(h *head) error {
	h.stateSum = h.sumState()
	_, err := tx.exec(`UPDATE workloads SET state = ?, attempts = ?, updated = ?, revision = ?, status = ?, state_sum = ? WHERE seq = ?`,
		h.state, h.attempts, h.updated, h.revision, notNil(h.status), h.stateSum, h.seq)
	return err
}

// needModule returns a *store.NotFoundError if a module does not exist.
func (tx *tx) needModule(digest store.Digest) error {
	has, err := tx.hasModule(digest)
	if err == nil && !has {
		err = &store.NotFoundError{Kind: store.KindModule, Name: digest.String()}
	}
	return err
}

// hasModule reports whether a module exists.
func (tx *tx) hasModule(digest store.Digest) (bool, error) {
	if has, ok := tx.modules[digest]; ok {
		return has, nil
	}
	var one int
	has, err := tx.one(`SELECT 1 FROM modules WHERE digest = ?`, []any{digest[:]}, &one)
	if err == nil {
		tx.modules[digest] = has
	}
	return has, err
}

// refusal reports whether an error refuses one op rather than spoiling the transaction.
func refusal(err error) bool {
	var (
		notFound *store.NotFoundError
		stale    *store.StaleError
		corrupt  *store.CorruptError
		inUse    *store.InUseError
		kept     *store.KeptError
		open     *store.UnfinishedError
		tags     *store.TagsError
	)
	return errors.Is(err, errBound) || errors.As(err, &notFound) || errors.As(err, &stale) || errors.As(err, &corrupt) || errors.As(err, &inUse) ||
		errors.As(err, &kept) || errors.As(err, &open) || errors.As(err, &tags)
}
