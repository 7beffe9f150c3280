package runner

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// How a workload comes into the queue, in steps:
//
//  1. Reserve gives its submission a place in the queue, or refuses it.
//  2. It is stored. The store calls OnCommit, which queues it, even if the submitter has gone. So every queued
//     workload is on disk, and every workload on disk is queued.
//  3. Release gives the place back: the workload itself is counted now, or was not stored.
//
// Recover queues what an earlier daemon left unfinished, in the order of submission.
//
// A million workloads may wait, so their memory is bounded: the first in the queue keep their decoded specs, the next
// keep their records, and the rest are read from the store when their turn comes.
// (TestHandOver, TestLongQueue, TestRestartWithLongQueue)

const (
	// keepDecoded is the length of the queue up to which decoded specs are kept.
	keepDecoded = 1024
	// keepWhole and keepBytes are the length of the queue, and what it counts in bytes, up to which records are kept.
	keepWhole = 4096
	keepBytes = 8 << 20
	// claimBatch is how many workloads Recover reads at a time.
	claimBatch = 1000
	// lockedBatch bounds how many workloads are handled while mu is held once.
	lockedBatch = 256
)

// decoded is a spec with its encoding. A workload whose record has this encoding need not decode it again.
type decoded struct {
	spec    *api.Spec
	encoded []byte
}

// Reserve takes a place in the queue for a submission until Release. It returns the size of the place in bytes. An error
// is an *errs.Error.
func (r *Runner) Reserve(rec *store.Workload, spec *api.Spec) (size int64, err error) {
	place := store.PlaceOf(rec)
	size = sizeOf(&place)
	r.mu.Lock()
	defer r.mu.Unlock()
	switch r.sched.Promise(size) {
	case schedule.Draining:
		return 0, refusal.Draining()
	case schedule.NoPlace:
		return 0, refusal.QueueFull("%d workloads wait to be started, and no more are taken until some have (--queue): try again later", r.cfg.Schedule.Pending)
	case schedule.NoBytes:
		return 0, refusal.QueueFull("%s of workloads wait to be started, and %s more would be above the bound of %s (--queue-bytes): try again later",
			humanize.IBytes(uint64(r.sched.Taken())), humanize.IBytes(uint64(size)), humanize.IBytes(uint64(r.cfg.Schedule.Bytes)))
	}
	r.submitting[rec.ID] = decoded{spec, rec.Spec}
	return size, nil
}

// SetQueueBounds changes how many workloads may wait to be started, and their size together. Those that wait already
// stay.
func (r *Runner) SetQueueBounds(pending int, bytes int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cfg.Schedule.Pending, r.cfg.Schedule.Bytes = pending, bytes
	r.sched.SetQueueBounds(pending, bytes)
}

// Release gives back the place of a submission that has been stored, or will not be.
func (r *Runner) Release(id string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sched.Redeem(size)
	delete(r.submitting, id)
}

// OnCommit is called for every commit, before those who asked for it are told. It queues the workloads that the commit
// created. If onChange is not nil it is called, with mu held, for each change of a workload that has not ended, with the
// workload's record from before the change, or nil if only the store has it.
func (r *Runner) OnCommit(changes []store.Change, onChange func(c *store.Change, rec *store.Workload)) {
	for some := range slices.Chunk(changes, lockedBatch) {
		r.takeUp(some, onChange)
	}
	r.Kick()
	r.onSubmitted(changes)
}

func (r *Runner) takeUp(changes []store.Change, onChange func(*store.Change, *store.Workload)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		if c.Created != nil {
			r.admit(c.Created)
			r.totals.Submitted++
		}
		if w := r.live[c.ID]; w != nil && onChange != nil {
			onChange(c, w.rec)
		}
	}
}

// admit queues the workload of a record. mu is held.
func (r *Runner) admit(rec *store.Workload) {
	place := store.PlaceOf(rec)
	w := newWorkload(&place)
	if r.keepsWhole() {
		w.rec, w.status = record.Slim(rec), nil
		if d := r.submitting[rec.ID]; d.spec != nil && r.sched.Pending() < keepDecoded && bytes.Equal(d.encoded, w.rec.Spec) {
			w.spec = d.spec
		}
	}
	r.add(place.Tenant, w)
}

// keepsWhole reports whether the next workload in the queue keeps its record. mu is held.
func (r *Runner) keepsWhole() bool {
	return r.sched.Pending() < keepWhole && r.sched.PendingBytes() < keepBytes
}

// Recover queues what an earlier reactor left unfinished, in the order in which it was submitted, and calls onPlace
// for each. It is called before Start.
func (r *Runner) Recover(ctx context.Context, onPlace func(*store.Place)) error {
	count := 0
	for {
		n, err := r.claim(ctx, onPlace)
		if err != nil {
			return fmt.Errorf("unfinished workloads: %w", err)
		}
		if n == 0 {
			break
		}
		count += n
	}
	if count > 0 {
		r.cfg.Log.Info("took up unfinished workloads", zap.Int("count", count))
	}
	return nil
}

// claim queues the next batch of what an earlier reactor left unfinished, and returns its size.
func (r *Runner) claim(ctx context.Context, onPlace func(*store.Place)) (n int, err error) {
	r.mu.Lock()
	whole := r.keepsWhole()
	r.mu.Unlock()
	var claimed store.Claimed
	var places store.ClaimedPlaces
	if whole {
		claimed, err = r.cfg.Store.Claim(ctx, claimBatch)
		places = claimed.Places()
	} else {
		places, err = r.cfg.Store.ClaimPlaces(ctx, claimBatch)
	}
	if err != nil {
		return 0, err
	}
	for _, corrupt := range places.Corrupt {
		r.cfg.Log.Error("a workload can't be taken up", zap.Error(corrupt))
	}
	r.mu.Lock()
	for i := range places.Places {
		onPlace(&places.Places[i])
		if whole {
			r.admit(claimed.Workloads[i])
		} else {
			r.add(places.Places[i].Tenant, newWorkload(&places.Places[i]))
		}
	}
	r.mu.Unlock()
	r.onTakenUp(places.Places)
	return len(places.Places) + len(places.Corrupt), nil
}
