package observe

import (
	"context"
	"errors"
	"time"

	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// seek moves to a position. attempt is the attempt that wrote the byte before it, zero if that is not known, and began is
// when that was started. If the daemon died since, what is now the output of a later attempt, or of the same one that was
// started again, may begin before that position: then it moves there.
func (l *logReader) seek(ctx context.Context, offset uint64, attempt uint32, began time.Time) error {
	position := int64(offset)
	if position > 0 && attempt > 0 {
		log, _ := l.Log(l.id) // before the store: what is stored meanwhile is in both
		known, err := l.known(ctx, attempt, began)
		if err != nil {
			return err
		}
		if known != attempt { // the output that takes the place of what was seen may not have begun
			end, _, err := l.Store.TailLog(ctx, l.id, 0, 0, store.Cut{})
			if err != nil {
				return refusal.OfStore(err)
			}
			position = min(position, end)
		}
		start, found, err := l.Store.LogStart(ctx, l.id, known)
		if err != nil {
			return refusal.OfStore(err)
		}
		if found {
			position = min(position, start)
		}
		if log != nil {
			if number, start := log.Attempt(); number > known {
				position = min(position, start)
			}
		}
	}
	l.position, l.seen = position, position
	return nil
}

// known returns the last attempt of which a client that has seen output of an attempt, begun at a time, need not see the
// beginning. That is this attempt, unless its start was forgotten, and it was started again or will be.
func (l *logReader) known(ctx context.Context, attempt uint32, began time.Time) (uint32, error) {
	if began.IsZero() {
		return attempt, nil
	}
	last, err := l.last(ctx)
	switch {
	case err != nil:
		return 0, err
	case last.number > attempt, last.number == attempt && (last.began.IsZero() || sameStart(last.began, began)):
		return attempt, nil
	case last.number < attempt && !last.live:
		return last.number, nil
	}
	return last.number - 1, nil
}

// sameStart compares times as exactly as clients are told them.
func sameStart(a, b time.Time) bool { return a.UnixMicro() == b.UnixMicro() }

// start is the start of an attempt.
type start struct {
	number uint32
	began  time.Time
	live   bool // the attempt has not ended
}

// last returns the start of the last attempt that was started.
func (l *logReader) last(ctx context.Context) (start, error) {
	if a, _, _ := l.Look(l.id); a != nil {
		return start{a.Number, a.Started, true}, nil
	}
	rec, err := l.Store.Workload(ctx, l.id)
	var notFound *store.NotFoundError
	switch {
	case errors.As(err, &notFound): // it was deleted meanwhile, as the next read will tell
		return start{}, nil
	case err != nil:
		return start{}, refusal.OfStore(err)
	}
	status, err := record.DecodeStatus(rec)
	return start{number: rec.Attempts, began: status.StartTime}, err
}

// begun returns when the attempt was started that wrote an entry; zero if a later one has been started, or if that can't
// be read.
func (l *logReader) begun(ctx context.Context, e *store.LogEntry) time.Time {
	if n := attemptOf(e); l.writer.number != n {
		last, err := l.last(ctx)
		if err != nil {
			return time.Time{}
		}
		if last.number != n {
			last = start{number: n}
		}
		l.writer = last
	}
	return l.writer.began
}
