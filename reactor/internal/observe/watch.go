package observe

import (
	"context"
	"errors"
	"strconv"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// watchBatch is how many changes a watch takes at a time from the feed, and at most from the
	// store.
	watchBatch = 64
	// watchBytes is about how many bytes of specs a watch takes at a time from the store. They stay in memory
	// for as long as the client does not read.
	watchBytes = 64 << 10
)

// Watch calls send, on the caller's goroutine, for each change that matches the filter. It first sends the cursor that
// it starts from; then, if it starts from a cursor, each workload that changed since, as it is now; then every change
// as it happens. It returns nil after the event that reports that the feed is closed, otherwise the error of ctx, of
// send, or an *errs.Error.
//
// A watch with a slow client costs no more than one with a fast client: it falls back to the store,
// and then gets the latest state of each workload instead of every state in between.
func (o *Observer) Watch(ctx context.Context, filter store.Filter, cursor string, send func(api.WatchEvent) error) error {
	head, unsubscribe := o.Feed.Subscribe()
	defer unsubscribe()
	w := watch{Observer: o, filter: filter, send: send, position: head, batch: 1}
	if cursor != "" {
		var err error
		w.position, err = strconv.ParseInt(cursor, 10, 64)
		if err != nil || w.position < 0 {
			return errs.Invalid(errs.Field{Path: "cursor", Description: "is not a cursor that a watch gave out"})
		}
		if _, err := o.Store.Changes(ctx, w.position, 1); err != nil {
			return cursorError(err)
		}
	}
	if err := send(api.WatchEvent{Cursor: w.cursor()}); err != nil {
		return err
	}
	return w.run(ctx)
}

// watch is one running watch.
type watch struct {
	*Observer
	filter   store.Filter
	send     func(api.WatchEvent) error
	position int64 // the last revision seen
	batch    int   // how many changes to take from the store at a time
}

// Cursor returns the cursor of a watch that has seen all up to a revision.
func Cursor(revision int64) string { return strconv.FormatInt(revision, 10) }

func (w *watch) cursor() string { return Cursor(w.position) }

func (w *watch) run(ctx context.Context) error {
	var batch []feed.Entry[*Change]
	for {
		changed := w.Feed.Changed(w.position)
		var ok bool
		batch, ok = w.Feed.Next(batch[:0], w.position, watchBatch)
		switch {
		case !ok:
			if err := w.catchUp(ctx); err != nil {
				return err
			}
		case len(batch) > 0:
			if err := w.live(ctx, batch); err != nil {
				return err
			}
		case w.Feed.Closed(w.position):
			return w.send(api.WatchEvent{Cursor: w.cursor(), Draining: true})
		default:
			select {
			case <-changed:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
	}
}

// catchUp sends changes from the store.
func (w *watch) catchUp(ctx context.Context) error {
	changes, next, err := w.changes(ctx)
	if err != nil {
		return err
	}
	return w.emit(changes, next)
}

// emit sends changes. After that, the watch has seen all up to the revision next.
func (w *watch) emit(changes []*revised, next int64) error {
	for i, out := range changes {
		changes[i] = nil // the client may read it slowly
		w.position = out.revision
		if err := w.send(api.WatchEvent{Cursor: w.cursor(), Workload: out.workload}); err != nil {
			return err
		}
	}
	w.position = max(w.position, next)
	return nil
}

// revised is a workload with the revision of its last change.
type revised struct {
	workload *api.Workload
	revision int64
}

// changes reads the next matching changes from the store, and the revision to continue from.
func (w *watch) changes(ctx context.Context) (matching []*revised, next int64, err error) {
	done, err := w.Reading(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	found, err := w.Store.Changes(ctx, w.position, w.batch)
	if err != nil {
		return nil, 0, cursorError(err)
	}
	for _, corrupt := range found.Corrupt {
		w.OnDamaged(corrupt)
	}
	w.pace(found.Workloads)
	next = found.Next
	for _, rec := range found.Workloads {
		next = max(next, rec.Revision)
		if !w.filter.Match(rec) {
			continue
		}
		if out := w.decode(rec); out != nil {
			matching = append(matching, &revised{out, rec.Revision})
		}
	}
	return matching, next, nil
}

// pace chooses how many changes to take next, by the size of those it took.
func (w *watch) pace(found []*store.Workload) {
	bytes := 0
	for _, rec := range found {
		bytes += len(rec.Spec)
	}
	if bytes > watchBytes {
		w.batch = max(1, w.batch/2)
	} else {
		w.batch = min(watchBatch, 2*w.batch)
	}
}

// live sends changes from the feed.
func (w *watch) live(ctx context.Context, batch []feed.Entry[*Change]) error {
	changes, next, err := w.published(ctx, batch)
	if err != nil {
		return err
	}
	return w.emit(changes, next)
}

// published returns the matching changes of the feed up to the revision next: all of them, or as many as
// come to watchBytes. It waits for its turn, since there may be thousands of watches, and every change wakes all
// of them.
func (w *watch) published(ctx context.Context, batch []feed.Entry[*Change]) (matching []*revised, next int64, err error) {
	done, err := w.Reading(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer done()
	bytes := 0
	for _, e := range batch {
		next = e.Revision
		rec, err := e.Change.record(func() (*store.Workload, error) { return w.read(ctx, e.Change.id) })
		if err != nil {
			return nil, 0, err
		}
		if rec == nil || !w.filter.Match(rec) {
			continue
		}
		out, size, err := w.workload(ctx, e.Change, rec)
		if err != nil {
			return nil, 0, err
		}
		if out != nil {
			matching = append(matching, &revised{out, next})
		}
		if bytes += size; bytes > watchBytes {
			break
		}
	}
	return matching, next, nil
}

// workload returns the workload of a change with this record, and the size of its spec. It returns nil if the workload
// was pruned or is damaged: then there is nothing to send.
func (w *watch) workload(ctx context.Context, c *Change, rec *store.Workload) (*api.Workload, int, error) {
	if out, size := c.workload(); out != nil {
		return out, size, nil
	}
	if rec.Spec == nil { // only the store has it
		full, err := w.read(ctx, rec.ID)
		if full == nil || err != nil {
			return nil, 0, err
		}
		rec = c.revise(full)
	}
	out, err := c.decode(rec)
	if err != nil {
		w.OnDamaged(err)
	}
	return out, len(rec.Spec), nil
}

// read reads a record; nil if the workload was pruned.
func (w *watch) read(ctx context.Context, id string) (*store.Workload, error) {
	full, err := w.Store.Workload(ctx, id)
	if _, gone := errors.AsType[*store.NotFoundError](err); gone {
		return nil, nil
	}
	return full, refusal.OfStore(err)
}

// decode decodes a record; nil if it is damaged.
func (w *watch) decode(rec *store.Workload) *api.Workload {
	out, err := record.Decode(rec)
	if err != nil {
		w.OnDamaged(err)
		return nil
	}
	return out
}

// cursorError converts the store's error about a cursor.
func cursorError(err error) error {
	if errors.Is(err, store.ErrCursorExpired) {
		return errs.New(errs.CursorExpired, "changes after the cursor are no longer known: list, then watch from now")
	}
	return refusal.OfStore(err)
}
