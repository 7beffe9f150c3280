package observe

import (
	"context"
	"errors"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// logRead is about how many bytes of a log are read at a time. They stay in memory for as long as the client does
// not read. filteredRead is the same for readers that may leave out most of them.
const (
	logRead      = 64 << 10
	filteredRead = 1 << 20
)

// logReader reads a log from the store and from memory, in pieces.
type logReader struct {
	*Observer
	id      string
	streams store.Streams
	since   time.Time

	position int64 // where to go on
	until    int64 // where reading ends, whatever is written meanwhile
	seen     int64 // up to where the output was taken, left out or found missing
	missing  int64 // how much is missing since the last entry that was taken
	ended    *store.Cut
	writer   start // of the attempt that wrote the last entry
}

// begin moves to where a request's output begins.
func (l *logReader) begin(ctx context.Context, req *api.LogRequest) error {
	if req.TailLines != nil {
		return l.seekTail(ctx, int(*req.TailLines), req.Follow)
	}
	if !req.Follow {
		if err := l.bound(ctx); err != nil {
			return err
		}
	}
	return l.seek(ctx, req.Offset, req.Attempt, req.AttemptStart)
}

// seekTail moves to where the last lines begin. It has what is in memory stored first, so that only the store
// needs to search for lines. Unless follow, reading ends at the last of these lines.
func (l *logReader) seekTail(ctx context.Context, lines int, follow bool) error {
	log, _ := l.Log(l.id)
	if log != nil {
		end := log.Extent().End
		log.Flush()
		for {
			changed := log.Changed()
			if e := log.Extent(); e.Released || e.Stored >= end || log.Refused() {
				break // if the store is full it is read as it is: a tail that is too short is better than no answer
			}
			if err := l.Await(ctx, l.id, changed); err != nil {
				return err
			}
		}
	}
	cut, err := l.cut(ctx, log)
	if err != nil {
		return err
	}
	begin, end, err := l.Store.TailLog(ctx, l.id, l.streams, lines, cut)
	l.position, l.seen = begin, begin
	if !follow {
		l.until = end
		if log != nil && log.Refused() {
			l.until = log.Extent().End
		}
	}
	return refusal.OfStore(err)
}

// bound has reading end where the log ends now, if more may be written to it.
func (l *logReader) bound(ctx context.Context) error {
	log, changed := l.Log(l.id)
	switch {
	case log != nil:
		l.until = log.Extent().End
	case changed != nil:
		_, end, err := l.Store.TailLog(ctx, l.id, 0, 0, store.Cut{})
		if err != nil {
			return refusal.OfStore(err)
		}
		l.until = end
	}
	return nil
}

// cut returns what is cut out of the log. log is nil if the workload does not run.
func (l *logReader) cut(ctx context.Context, log *logbuf.Log) (store.Cut, error) {
	switch {
	case log != nil:
		return log.Extent().Cut, nil
	case l.ended != nil:
		return *l.ended, nil
	}
	rec, err := l.Store.Workload(ctx, l.id)
	var notFound *store.NotFoundError
	switch {
	case errors.As(err, &notFound): // it was deleted meanwhile, as the next read will tell
		return store.Cut{}, nil
	case err != nil:
		return store.Cut{}, refusal.OfStore(err)
	case !rec.State.Finished():
		return store.Cut{}, nil
	}
	w, err := record.Decode(rec)
	if err != nil {
		return store.Cut{}, err
	}
	cut := logbuf.WindowOf(w.Spec.Limits.LogBytes).Cut(int64(w.Status.Usage.LogBytes))
	l.ended = &cut
	return cut, nil
}

// next returns the next entries, from memory if the log has them there, else from the store; none if there are
// none now. log is nil if the workload does not run.
func (l *logReader) next(ctx context.Context, log *logbuf.Log) (entries []store.LogEntry, err error) {
	limit := logRead
	if l.streams != 0 || !l.since.IsZero() {
		limit = filteredRead
	}
	stored := l.position
	if log != nil {
		stored = log.Extent().Stored
		var ok bool
		if entries, l.position, ok = log.Read(l.position, limit); ok {
			return entries, nil
		}
	}
	cut, err := l.cut(ctx, log)
	if err != nil {
		return nil, err
	}
	start := l.position
	entries, l.position, err = l.Store.ReadLog(ctx, l.id, start, cut, limit)
	if err != nil {
		return nil, refusal.OfStore(err)
	}
	if len(entries) == 0 && l.position < stored { // nothing was kept of what lies between
		l.position = stored
	}
	return entries, nil
}

// take accounts for an entry that next returned. It returns how much is missing before it, and whether it is wanted.
func (l *logReader) take(e *store.LogEntry) (missing int64, wanted bool) {
	l.missing += max(0, e.Offset-l.seen)
	l.seen = max(l.seen, e.End())
	if e.Time.Before(l.since) {
		l.missing = 0
		return 0, false
	}
	if !l.streams.Has(e.Stream) {
		return 0, false
	}
	missing, l.missing = l.missing, 0
	return missing, true
}
