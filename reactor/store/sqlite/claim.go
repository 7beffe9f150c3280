package sqlite

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/reactord/reactord/reactor/store"
)

// claims tracks which unfinished workloads of a former process nobody has claimed yet: those numbered above
// claimed, up to last. It is not on disk, since claims last as long as this process holds the lock of the
// directory.
type claims struct {
	mu      sync.Mutex
	claimed int64
	last    int64
}

// Claim implements store.Workloads. It reads the records with a reading connection: SQLite does not let a
// transaction write any more once it has met a damaged page.
func (s *Store) Claim(ctx context.Context, limit int) (store.Claimed, error) {
	s.claims.mu.Lock()
	defer s.claims.mu.Unlock()
	return s.claim(ctx, limit)
}

// claim is Claim; claims.mu is held.
func (s *Store) claim(ctx context.Context, limit int) (store.Claimed, error) {
	for {
		var g collector
		var seqs []int64
		err := s.read(ctx, s.lanes.lists, func(c *conn) (err error) {
			if seqs, err = unfinished(c, s.claims.claimed, s.claims.last, limit); err != nil {
				return err
			}
			for i, seq := range seqs {
				if err := g.add(c, seq, nil); err != nil {
					return err
				}
				if g.full() {
					seqs = seqs[:i+1]
					break
				}
			}
			return nil
		})
		if err != nil || len(seqs) == 0 {
			return store.Claimed{}, err
		}
		o := &claimOp{call: newCall(), read: g}
		switch err := s.do(ctx, o); {
		case errors.Is(err, store.ErrFull), errors.Is(err, store.ErrUnavailable):
			o.claimed = s.claimLater(g)
		case err != nil:
			return store.Claimed{}, err
		}
		s.claims.claimed = seqs[len(seqs)-1]
		if len(o.claimed.Workloads)+len(o.claimed.Corrupt) > 0 {
			return o.claimed, nil
		}
		// All of them have finished meanwhile.
	}
}

// claimLater claims workloads although the disk accepts no writes: otherwise a daemon could not start on a full
// disk, and nobody could free space. The change to PENDING is written as soon as possible, and before anything
// that is asked for these workloads from now on.
func (s *Store) claimLater(g collector) store.Claimed {
	claimed := store.Claimed{Corrupt: g.corrupt}
	for _, w := range g.workloads {
		if w.State == store.Running {
			s.putBack(w)
			pending := *w
			pending.State = store.Pending
			w = &pending
			claimed.Interrupted = append(claimed.Interrupted, w)
		}
		claimed.Workloads = append(claimed.Workloads, w)
	}
	return claimed
}

// putBack queues the change of a RUNNING workload to PENDING.
func (s *Store) putBack(w *store.Workload) {
	s.Transition(store.Transition{
		ID: w.ID, From: store.States(store.Running), To: store.Pending, Attempt: w.Attempts, Time: w.Updated, Status: w.Status,
	}, nil)
}

// unfinished returns the numbers of unfinished workloads, in order.
func unfinished(c *conn, above, last int64, limit int) ([]int64, error) {
	return c.int64s(unfinishedQuery, above, last, limit)
}

// unfinishedQuery has as parameters the number to begin above, the last number and the limit.
const unfinishedQuery = `
		SELECT seq FROM (SELECT seq FROM workloads WHERE state = 1 AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)
		UNION ALL
		SELECT seq FROM (SELECT seq FROM workloads WHERE state = 2 AND seq > ?1 AND seq <= ?2 ORDER BY seq LIMIT ?3)
		ORDER BY seq LIMIT ?3`

// claimOp puts RUNNING workloads back to PENDING, and leaves out those that have finished since they
// were read.
type claimOp struct {
	call
	read    collector
	claimed store.Claimed
}

func (o *claimOp) apply(tx *tx) error {
	o.claimed = store.Claimed{Corrupt: slices.Clone(o.read.corrupt)}
	for _, w := range o.read.workloads {
		h, interrupted, err := tx.claim(w.ID)
		var corrupt *store.CorruptError
		switch {
		case errors.As(err, &corrupt):
			o.claimed.Corrupt = append(o.claimed.Corrupt, corrupt)
			continue
		case err != nil:
			return err
		case h == nil:
			continue
		}
		claimed := *w
		h.fill(&claimed)
		o.claimed.Workloads = append(o.claimed.Workloads, &claimed)
		if interrupted {
			o.claimed.Interrupted = append(o.claimed.Interrupted, &claimed)
		}
	}
	return nil
}

// claim puts a workload back to PENDING if it is RUNNING, and reports whether it was. The head is nil if the
// workload has finished.
func (tx *tx) claim(id string) (h *head, interrupted bool, err error) {
	h, err = tx.head(id)
	if err != nil || store.State(h.state).Finished() {
		return nil, false, err
	}
	if interrupted = store.State(h.state) == store.Running; interrupted {
		tx.move(h, store.Pending, uint32(h.attempts), unstamp(h.updated), h.status)
	}
	return h, interrupted, nil
}
