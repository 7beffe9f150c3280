package runner

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// How a workload comes into the queue, in steps:
//
//  1. Its submission gets a place in the queue (Reserve), or is refused.
//  2. It is stored. The store tells of the commit (OnCommit), which queues the workload, even if the submitter has
//     gone. So what is queued is on disk, and what is on disk is queued.
//  3. The place is given back (Release): the workload itself counts now, or was not stored.
//
// What an earlier daemon left unfinished is queued by Recover, in the order in which it was submitted.
//
// A million may wait, so what is kept of them in memory is bounded: the first that wait keep their specs
// decoded, more keep their records, and the rest are read from the store when their turn has come.
// (TestHandover, TestQueueIsSlim)

// The lengths of the queue up to which specs wait in it decoded, and records wait in it at all; and the
// bytes of what waits up to which they do.
const (
	keepDecoded = 1024
	keepWhole   = 4096
	keepBytes   = 8 << 20
)

const (
	// claimBatch is how many workloads Recover reads at a time.
	claimBatch = 1000
	// atATime bounds what is done with mu held at one go.
	atATime = 256
)

// decoded is a spec beside what it was encoded to, so that it need not be decoded to be run.
type decoded struct {
	spec    *api.Spec
	encoded []byte
}

// Reserve takes a place in the queue for a submission, which Release gives back. It returns what the submission
// counts, in bytes. An error is an *errs.Error.
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
		return 0, refusal.QueueFull("%d bytes of workloads wait to be started, and %d more would be above the bound of %d (--queue-bytes): try again later",
			r.sched.Taken(), size, r.cfg.Schedule.Bytes)
	}
	r.submitting[rec.ID] = decoded{spec, rec.Spec}
	return size, nil
}

// Release gives back the place of a submission: it has been stored, or will not be.
func (r *Runner) Release(id string, size int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sched.Redeem(size)
	delete(r.submitting, id)
}

// OnCommit is told of every commit, before those who asked for it. It queues what was submitted, and calls onChange,
// if it is not nil, with mu held, for each change of a workload that has not ended, with the workload's record as it
// was before; nil if only the store has that.
func (r *Runner) OnCommit(changes []store.Change, onChange func(c *store.Change, rec *store.Workload)) {
	for some := range slices.Chunk(changes, atATime) {
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

// admit queues the workload of a record; mu is held.
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

// keepsWhole tells whether the record of the next in the queue is kept; mu is held.
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

// claim queues some of what an earlier reactor left unfinished, and returns how many there were.
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
