package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"sync"

	"golang.org/x/sync/semaphore"

	"github.com/reactord/reactord/reactor/store"
	"github.com/reactord/reactord/reactor/store/blob"
)

// Store implements store.Store.
type Store struct {
	cfg    Config
	lock   *dirLock
	blobs  *blob.Dir
	writer *writer
	queue  *queue
	// room counts the bytes of submissions from their call until their commit.
	room   *semaphore.Weighted
	claims claims
	// uploads tracks failures to write the bytes of modules.
	uploads *outage
	lanes   lanes
	// reserve belongs to the writer once that runs.
	reserve *reserve

	once    sync.Once
	closing chan struct{}
	written chan struct{}  // closed when the writer's goroutine has ended
	readers sync.WaitGroup // the goroutine that shrinks their connections
}

var _ store.Store = (*Store)(nil)

// Close implements store.Store.
func (s *Store) Close() (err error) {
	s.once.Do(func() {
		close(s.closing)
		s.queue.close()
		<-s.written
		s.readers.Wait()
		s.lanes.await()
		err = s.release()
	})
	return err
}

// waitable is an op whose caller waits for its outcome.
type waitable interface {
	op
	result() <-chan error
}

// do queues an op and waits for its outcome.
func (s *Store) do(ctx context.Context, o waitable) error {
	push := s.queue.push
	if _, ok := o.(*submitOp); ok && o.bytes() > largeBytes {
		push = s.queue.pushLarge
	}
	if err := ctx.Err(); err != nil {
		o.finish(err)
	} else if !push(o) {
		o.finish(store.ErrClosed)
	}
	select {
	case err := <-o.result():
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// largeBytes is the least that a large submission writes.
const largeBytes = 64 << 10

// Submit implements store.Workloads.
func (s *Store) Submit(ctx context.Context, workloads []*store.Workload) ([]store.Submitted, error) {
	if len(workloads) == 0 {
		return nil, nil
	}
	size := int64(0)
	for _, w := range workloads {
		size += w.Bytes()
	}
	weight := min(size, s.cfg.QueueBytes)
	if err := s.room.Acquire(ctx, weight); err != nil {
		return nil, err
	}
	o := &submitOp{call: newCall(), workloads: workloads, size: size, release: func() { s.room.Release(weight) }}
	if err := s.do(ctx, o); err != nil {
		return nil, err
	}
	return o.results, nil
}

// Transition implements store.Workloads.
func (s *Store) Transition(t store.Transition, done func(revision int64, err error)) {
	o := &transitionOp{t: t, done: done}
	put := s.queue.push
	switch {
	case t.Lazy && t.To == store.Running:
		put = s.queue.hold // most workloads are short
	case t.Lazy:
		put = s.queue.pushLazy
	}
	if !put(o) {
		o.finish(store.ErrClosed)
	}
}

// Amend implements store.Workloads.
func (s *Store) Amend(ctx context.Context, a store.Amendment) (int64, error) {
	o := &amendOp{call: newCall(), a: a}
	if err := s.do(ctx, o); err != nil {
		return 0, err
	}
	return o.revision, nil
}

// AppendLog implements store.Logs.
func (s *Store) AppendLog(a store.LogAppend, done func(err error)) {
	o := &appendOp{a: a, done: done}
	if !s.queue.pushBulk(o) {
		o.finish(store.ErrClosed)
	}
}

// defaultPrune is the Limit of a store.Retention that sets none.
const defaultPrune = 500

// Prune implements store.Workloads.
func (s *Store) Prune(ctx context.Context, policy store.Retention) (store.Pruned, error) {
	if policy.Limit <= 0 {
		policy.Limit = defaultPrune
	}
	o := &pruneOp{call: newCall(), policy: policy}
	if err := s.do(ctx, o); err != nil {
		return store.Pruned{}, err
	}
	return o.pruned, nil
}

// DeleteWorkload implements store.Workloads.
func (s *Store) DeleteWorkload(ctx context.Context, id string) (bool, error) {
	o := &deleteWorkloadOp{call: newCall(), id: id}
	if err := s.do(ctx, o); err != nil {
		return false, err
	}
	return o.gone, nil
}

// Workload implements store.Workloads.
func (s *Store) Workload(ctx context.Context, id string) (w *store.Workload, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		r, err := recordByID(c, id)
		if err == nil {
			w, err = r.workload(c)
		}
		return err
	})
	return w, err
}

// Existing implements store.Workloads.
func (s *Store) Existing(ctx context.Context, id string, hash store.Digest) (w *store.Workload, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		w, err = existing(c, id, hash)
		return err
	})
	return w, err
}

// List implements store.Workloads.
func (s *Store) List(ctx context.Context, query store.Query) (page store.Page, err error) {
	err = s.read(ctx, s.lanes.lists, func(c *conn) error {
		page, err = list(ctx, c, query)
		return err
	})
	return page, err
}

// Changes implements store.Workloads.
func (s *Store) Changes(ctx context.Context, since int64, limit int) (found store.Changes, err error) {
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.read(ctx, s.lanes.lists, func(c *conn) error {
		found, err = changes(ctx, c, since, limit)
		return err
	})
	return found, err
}

// Revision implements store.Workloads.
func (s *Store) Revision() int64 { return s.writer.revision.Load() }

// Count implements store.Workloads.
func (s *Store) Count(ctx context.Context) (counts store.Counts, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		counts, err = countStates(c)
		return err
	})
	return counts, err
}

// ReadLog implements store.Logs.
func (s *Store) ReadLog(ctx context.Context, id string, position int64, cut store.Cut, limit int) (entries []store.LogEntry, next int64, err error) {
	err = s.read(ctx, s.lanes.logs, func(c *conn) error {
		l, err := newLogReader(c, id)
		if err == nil {
			entries, next, err = l.read(ctx, position, cut, min(limit, stepBytes))
		}
		return err
	})
	return entries, next, err
}

// TailLog implements store.Logs. It finds the end of a log as quickly as a record. The search for lines is
// slower, and gives up its connection between steps.
func (s *Store) TailLog(ctx context.Context, id string, streams store.Streams, lines int, cut store.Cut) (begin, end int64, err error) {
	lane := s.lanes.logs
	if lines <= 0 {
		lane = s.lanes.records
	}
	t := tail{streams: streams, lines: lines, cut: cut}
	for !t.found {
		err := s.read(ctx, lane, func(c *conn) error {
			l, err := newLogReader(c, id)
			if err == nil {
				err = t.step(ctx, l)
			}
			return err
		})
		if err != nil {
			return 0, 0, err
		}
	}
	return t.offset, t.end, nil
}

// LogStart implements store.Logs.
func (s *Store) LogStart(ctx context.Context, id string, after uint32) (position int64, found bool, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		l, err := newLogReader(c, id)
		if err == nil {
			position, found, err = l.startAfter(after)
		}
		return err
	})
	return position, found, err
}

// Upload implements store.Modules.
func (s *Store) Upload(ctx context.Context, digest store.Digest, size int64, resume store.Resume) (store.Upload, error) {
	_, err := s.Module(ctx, digest)
	if err == nil {
		sound, err := s.blobs.Sound(ctx, digest)
		if err != nil {
			return nil, err
		}
		if sound {
			return nil, store.ErrExists
		}
	} else if !healable(err) {
		return nil, err
	}
	prefixes := make([]blob.Digest, len(resume.Prefixes))
	for i, p := range resume.Prefixes {
		prefixes[i] = p
	}
	u, err := s.blobs.Upload(digest, size, blob.Resume{Sender: resume.Sender, Prefixes: prefixes})
	if err != nil {
		return nil, translate(translateBlob(err))
	}
	return &upload{Upload: u, store: s, digest: digest}, nil
}

// healable reports whether uploading a module repairs what made reading its record fail.
func healable(err error) bool {
	var (
		notFound *store.NotFoundError
		corrupt  *store.CorruptError
	)
	return errors.As(err, &notFound) || errors.As(err, &corrupt)
}

// Module implements store.Modules.
func (s *Store) Module(ctx context.Context, digest store.Digest) (m *store.Module, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		m, err = moduleByDigest(c, digest)
		return err
	})
	return m, err
}

// ModuleByTag implements store.Modules.
func (s *Store) ModuleByTag(ctx context.Context, tag string) (m *store.Module, err error) {
	err = s.read(ctx, s.lanes.records, func(c *conn) error {
		m, err = moduleByTag(c, tag)
		return err
	})
	return m, err
}

// ModuleBinary implements store.Modules.
func (s *Store) ModuleBinary(ctx context.Context, digest store.Digest) ([]byte, error) {
	if _, err := s.Module(ctx, digest); err != nil {
		return nil, err
	}
	data, err := s.blobs.Read(digest)
	return data, damagedModule(digest, err)
}

// OpenModule implements store.Modules.
func (s *Store) OpenModule(ctx context.Context, digest store.Digest) (io.ReadCloser, error) {
	if _, err := s.Module(ctx, digest); err != nil {
		return nil, err
	}
	file, err := s.blobs.Open(digest)
	if err != nil {
		return nil, damagedModule(digest, err)
	}
	return &module{file, digest}, nil
}

// module is an open module.
type module struct {
	*blob.Reader
	digest store.Digest
}

func (m *module) Read(p []byte) (int, error) {
	n, err := m.Reader.Read(p)
	return n, damagedModule(m.digest, err)
}

// damagedModule says of which module the bytes are missing, or not those of its digest.
func damagedModule(digest store.Digest, err error) error {
	if errors.Is(err, blob.ErrMismatch) || errors.Is(err, fs.ErrNotExist) {
		return &store.CorruptError{Kind: store.KindModule, Name: digest.String(), Err: fmt.Errorf("%w: %w", store.ErrDamaged, err)}
	}
	return err
}

// ListModules implements store.Modules.
func (s *Store) ListModules(ctx context.Context, token string, limit int) (page store.ModulePage, err error) {
	before, err := parseToken(token)
	if err != nil {
		return page, err
	}
	if limit <= 0 {
		limit = defaultLimit
	}
	err = s.read(ctx, s.lanes.lists, func(c *conn) error {
		page, err = listModules(ctx, c, before, limit)
		return err
	})
	return page, err
}

// TagModule implements store.Modules.
func (s *Store) TagModule(ctx context.Context, tag string, digest store.Digest) error {
	return s.do(ctx, &tagOp{call: newCall(), tag: tag, digest: digest})
}

// DeleteModule implements store.Modules.
func (s *Store) DeleteModule(ctx context.Context, digest store.Digest) error {
	return s.blobs.Delete(ctx, digest, func() error {
		return s.do(ctx, &deleteModuleOp{call: newCall(), digest: digest})
	})
}
