package reactor

import (
	"context"
	"errors"
	"strconv"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/store"
)

// change is one committed change of a workload. The record tells what does not change.
type change struct {
	rec      *store.Workload
	state    store.State
	attempts uint32
	status   []byte
}

// watchBatch is how many changes a watch takes at a time.
const watchBatch = 256

// WatchWorkloads calls send, on the caller's goroutine, for each change that matches the filter:
// first the cursor it starts from, then, from a cursor, each workload that changed since, as it
// now is, then every change as it happens. It returns nil after the event that tells that the
// reactor shuts down; else the error of ctx, of send, or an *errs.Error.
//
// A watch whose client is slow costs no more than one that is fast: it falls back to the store,
// and then gets the latest state of each workload instead of every state in between.
func (r *Reactor) WatchWorkloads(ctx context.Context, filter Filter, cursor string, send func(WatchEvent) error) error {
	if !r.enter() {
		return errDraining()
	}
	defer r.leave()
	f, err := r.filter(ctx, filter)
	if err != nil {
		return err
	}
	head, unsubscribe := r.feed.Subscribe()
	defer unsubscribe()
	w := watch{reactor: r, filter: f, send: send, position: head}
	if cursor != "" {
		w.position, err = strconv.ParseInt(cursor, 10, 64)
		if err != nil || w.position < 0 {
			return errs.Invalid(errs.Field{Path: "cursor", Description: "is not a cursor that a watch gave out"})
		}
		if _, err := r.store.Changes(ctx, w.position, 1); err != nil {
			return cursorError(err)
		}
	}
	if err := send(WatchEvent{Cursor: w.cursor()}); err != nil {
		return err
	}
	return w.run(ctx)
}

// watch is one watch under way.
type watch struct {
	reactor  *Reactor
	filter   store.Filter
	send     func(WatchEvent) error
	position int64 // the last revision seen
}

func (w *watch) cursor() string { return strconv.FormatInt(w.position, 10) }

func (w *watch) run(ctx context.Context) error {
	var batch []feed.Entry[change]
	for {
		changed := w.reactor.feed.Changed(w.position)
		var ok bool
		batch, ok = w.reactor.feed.Next(batch[:0], w.position, watchBatch)
		switch {
		case !ok:
			if err := w.catchUp(ctx); err != nil {
				return err
			}
		case len(batch) > 0:
			if err := w.live(ctx, batch); err != nil {
				return err
			}
		case w.reactor.feed.Closed(w.position):
			return w.send(WatchEvent{Cursor: w.cursor(), Draining: true})
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
	found, err := w.reactor.store.Changes(ctx, w.position, watchBatch)
	if err != nil {
		return cursorError(err)
	}
	for _, corrupt := range found.Corrupt {
		w.reactor.damaged(corrupt)
	}
	for _, rec := range found.Workloads {
		w.position = rec.Revision
		if !w.filter.Match(rec) {
			continue
		}
		if err := w.emit(rec); err != nil {
			return err
		}
	}
	w.position = max(w.position, found.Next)
	return nil
}

// live sends changes from the feed.
func (w *watch) live(ctx context.Context, batch []feed.Entry[change]) error {
	for i := range batch {
		c := &batch[i].Change
		w.position = batch[i].Revision
		rec := *c.rec
		rec.State, rec.Attempts, rec.Status = c.state, c.attempts, c.status
		if !w.filter.Match(&rec) {
			continue
		}
		if rec.Spec == nil {
			full, err := w.reactor.store.Workload(ctx, rec.ID)
			if _, gone := asNotFound(err); gone {
				continue // pruned meanwhile: there is nothing left to tell of
			}
			if err != nil {
				return stored(err)
			}
			rec.Spec = full.Spec
		}
		if err := w.emit(&rec); err != nil {
			return err
		}
	}
	return nil
}

func (w *watch) emit(rec *store.Workload) error {
	out, err := workloadOf(rec)
	if err != nil {
		w.reactor.damaged(err)
		return nil
	}
	return w.send(WatchEvent{Cursor: w.cursor(), Workload: out})
}

// cursorError is what the store says of a cursor.
func cursorError(err error) error {
	if errors.Is(err, store.ErrCursorExpired) {
		return errs.New(errs.CursorExpired, "changes after the cursor are no longer known: list, then watch from now")
	}
	return stored(err)
}
