package sqlite

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/reactor/store"
)

// life has the columns of a workload that transitions change.
type life struct {
	seq      int64 // the workload's number; it does not change
	state    int64
	attempts int64
	updated  int64
	revision int64
	status   []byte
	stateSum int64
}

const lifeColumns = `seq, state, attempts, updated, revision, status, state_sum`

func (l *life) fields() []any {
	return []any{&l.seq, &l.state, &l.attempts, &l.updated, &l.revision, &l.status, &l.stateSum}
}

// sumState computes the checksum of these columns.
func (l *life) sumState() int64 {
	s := newSum()
	s.int(l.seq)
	s.int(l.state)
	s.int(l.attempts)
	s.int(l.updated)
	s.int(l.revision)
	s.bytes(l.status)
	return s.result()
}

// fill sets the corresponding fields of a workload.
func (l *life) fill(w *store.Workload) {
	w.State = store.State(l.state)
	w.Attempts = uint32(l.attempts)
	w.Updated = unstamp(l.updated)
	w.Status = orNil(l.status)
	w.Revision = l.revision
}

// record is a row of the table workloads.
type record struct {
	life
	id       string
	tenant   string
	name     string
	labels   []byte
	module   []byte
	created  int64
	fixedSum int64
}

const recordColumns = lifeColumns + `, id, tenant, name, labels, module, created, fixed_sum`

func (r *record) fields() []any {
	return append(r.life.fields(), &r.id, &r.tenant, &r.name, &r.labels, &r.module, &r.created, &r.fixedSum)
}

// sumFixed computes the checksum of what never changes.
func (r *record) sumFixed(hash, spec []byte) int64 {
	s := newSum()
	s.int(r.seq)
	s.string(r.id)
	s.string(r.tenant)
	s.string(r.name)
	s.bytes(r.labels)
	s.bytes(r.module)
	s.int(r.created)
	s.bytes(hash)
	s.bytes(spec)
	return s.result()
}

var (
	errSum      = errors.New("the checksum does not match")
	errNoSpec   = errors.New("the spec is missing")
	errNoRecord = errors.New("the row is missing")
)

func corruptWorkload(id string, err error) *store.CorruptError {
	return &store.CorruptError{Kind: store.KindWorkload, Name: id, Err: err}
}

// nameless returns a name for a record whose id cannot be read.
func nameless(seq int64) string { return fmt.Sprintf("#%d", seq) }

// recordBySeq reads the row of a workload and verifies everything except the fixed checksum. A row that cannot be
// read is a *store.CorruptError.
func recordBySeq(c *conn, seq int64) (*record, error) {
	var r record
	found, err := c.one(`SELECT `+recordColumns+` FROM workloads WHERE seq = ?`, []any{seq}, r.fields()...)
	switch {
	case damaged(err):
		return nil, corruptWorkload(nameless(seq), err)
	case err != nil:
		return nil, err
	case !found:
		return nil, corruptWorkload(nameless(seq), errNoRecord)
	}
	return &r, r.checkState()
}

// recordByID is recordBySeq by id. It fails with a *store.NotFoundError if there is no such workload.
func recordByID(c *conn, id string) (*record, error) {
	var r record
	found, err := c.one(`SELECT `+recordColumns+` FROM workloads WHERE id = ?`, []any{id}, r.fields()...)
	switch {
	case damaged(err):
		return nil, corruptWorkload(id, err)
	case err != nil:
		return nil, err
	case !found:
		return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
	}
	return &r, r.checkState()
}

func (r *record) checkState() error {
	if r.sumState() != r.stateSum {
		return corruptWorkload(r.id, errSum)
	}
	return nil
}

// digest returns the module's digest; sumFixed covers it, so a wrong length is detected there.
func (r *record) digest() (d store.Digest) {
	copy(d[:], r.module)
	return d
}

// workload adds the spec to a record, verifies it and converts it to the store's form.
func (r *record) workload(c *conn) (*store.Workload, error) {
	var hash, spec []byte
	found, err := c.one(`SELECT hash, spec FROM specs WHERE seq = ?`, []any{r.seq}, &hash, &spec)
	switch {
	case damaged(err):
		return nil, corruptWorkload(r.id, err)
	case err != nil:
		return nil, err
	case !found:
		return nil, corruptWorkload(r.id, errNoSpec)
	case r.sumFixed(hash, spec) != r.fixedSum:
		return nil, corruptWorkload(r.id, errSum)
	}
	var digest store.Digest
	copy(digest[:], hash)
	return r.convert(digest, spec)
}

// aboutSpec reads the hash of the spec, which only workload verifies, and its size.
func (r *record) aboutSpec(c *conn) (hash store.Digest, size int, err error) {
	var b []byte
	found, err := c.one(`SELECT hash, length(spec) FROM specs WHERE seq = ?`, []any{r.seq}, &b, &size)
	switch {
	case damaged(err):
		err = corruptWorkload(r.id, err)
	case err == nil && !found:
		err = corruptWorkload(r.id, errNoSpec)
	}
	copy(hash[:], b)
	return hash, size, err
}

// smallSpecBytes is the size up to which existing returns specs of other hashes.
const smallSpecBytes = 4 << 10

// existing returns the workload of an id for a submission with that hash. It leaves out a spec that is neither small nor
// the submission's: gigabytes would be read for small submissions that have the ids of large ones.
func existing(c *conn, id string, hash store.Digest) (*store.Workload, error) {
	r, err := recordByID(c, id)
	if err != nil {
		return nil, err
	}
	stored, size, err := r.aboutSpec(c)
	switch {
	case err != nil:
		return nil, err
	case size > smallSpecBytes && stored != hash:
		return r.convert(stored, nil)
	}
	return r.workload(c)
}

// convert converts a record and its spec to the store's form.
func (r *record) convert(hash store.Digest, spec []byte) (*store.Workload, error) {
	labels, err := parseLabels(r.labels)
	if err != nil {
		return nil, corruptWorkload(r.id, err)
	}
	w := &store.Workload{
		ID:      r.id,
		Tenant:  r.tenant,
		Name:    r.name,
		Labels:  labels,
		Module:  r.digest(),
		Spec:    orNil(spec),
		Created: unstamp(r.created),

		SpecHash: hash,
	}
	r.fill(w)
	return w, nil
}

// collector reads workloads by their numbers, and separates the corrupt ones. If keep is not nil, it is called
// before a spec is read, and may leave out the record.
type collector struct {
	workloads []*store.Workload
	corrupt   []*store.CorruptError
	bytes     int // of the specs
}

// enoughBytes is about how many bytes of specs are read at a time: otherwise specs with megabytes of input would
// add up to gigabytes.
const enoughBytes = 2 << 20

// full reports whether enoughBytes have been read.
func (g *collector) full() bool { return g.bytes >= enoughBytes }

func (g *collector) add(c *conn, seq int64, keep func(*record) (bool, error)) error {
	w, err := func() (*store.Workload, error) {
		r, err := recordBySeq(c, seq)
		if err != nil {
			return nil, err
		}
		if keep != nil {
			if ok, err := keep(r); !ok || err != nil {
				return nil, err
			}
		}
		return r.workload(c)
	}()
	var corrupt *store.CorruptError
	switch {
	case errors.As(err, &corrupt):
		g.corrupt = append(g.corrupt, corrupt)
	case err != nil:
		return err
	case w != nil:
		g.workloads = append(g.workloads, w)
		g.bytes += len(w.Spec)
	}
	return nil
}

// len returns how many records were found, including corrupt ones.
func (g *collector) len() int { return len(g.workloads) + len(g.corrupt) }

func orNil(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}
