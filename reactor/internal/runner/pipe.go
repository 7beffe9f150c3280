package runner

import (
	"errors"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/pipes"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// How a workload is joined to others by pipes, in steps:
//
//  1. start has its attempt join the pairs that its spec names, once nothing but its task is missing.
//  2. If its partner has not joined, standing says whether it may come.
//  3. recordEnd has it leave, by how the attempt ended. It is Ending then, so that whoever joins afterwards and looks for
//     it sees that.

// partnerPatience is how long a workload waits for a partner that was not submitted.
const partnerPatience = time.Minute

// leavePipes has a workload leave its pipes, by how its attempt ended. At a shutdown it does not: the partners would see
// that before they are interrupted themselves, and end.
func (r *Runner) leavePipes(w *workload, o outcome.Outcome) {
	end := pipes.Failed
	switch {
	case !o.State.Ended() && o.Trouble == retry.None:
		return
	case !o.State.Ended():
		end = pipes.Again
	case o.Reason == api.ReasonExit:
		end = pipes.Exited
	}
	r.pipes.OnEnd(w.entry.Tenant(), w.id, end)
}

// PipeAwaits reports whether a workload of a pair has joined it and waits for the one on a side.
func (r *Runner) PipeAwaits(pair pipes.Pair, side pipes.Side) bool { return r.pipes.Awaits(pair, side) }

// standing implements pipes.Config.Look.
func (r *Runner) standing(pair pipes.Pair, side pipes.Side) (pipes.Standing, error) {
	id := pair.Workload(side)
	r.mu.Lock()
	w := r.live[id]
	ending := w != nil && w.entry.Stage() == lifecycle.Ending
	var rec *store.Workload
	if w != nil && w.rec != nil && w.rec.Spec != nil {
		rec = w.rec
	}
	r.mu.Unlock()
	if ending {
		return pipes.Ending, nil
	}
	if rec == nil {
		stored, err := r.cfg.Store.Workload(r.ctx, id)
		if _, missing := errors.AsType[*store.NotFoundError](err); missing {
			return pipes.Unknown, nil
		}
		if _, damaged := errors.AsType[*store.CorruptError](err); damaged {
			return pipes.Ended, nil
		}
		if err != nil {
			return 0, err
		}
		rec = stored
	}
	return standingOf(rec, pair, side, w != nil), nil
}

// standingOf is the standing of the workload of a record, which is live unless it has ended.
func standingOf(rec *store.Workload, pair pipes.Pair, side pipes.Side, live bool) pipes.Standing {
	spec, err := record.DecodeSpec(rec)
	if err != nil {
		return pipes.Ended // it can't run
	}
	names := spec.StdoutTo == pair.To
	if side == pipes.To {
		names = spec.StdinFrom == pair.From
	}
	switch {
	case rec.Tenant != pair.Tenant:
		return pipes.Unknown
	case !names:
		return pipes.Other
	case !live && rec.State.Finished():
		return pipes.Ended
	}
	return pipes.Coming
}
