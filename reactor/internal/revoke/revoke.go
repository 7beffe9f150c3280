package revoke

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/store"
)

// Workloads are those that have not ended, by their ids. No method blocks.
type Workloads interface {
	// Revoke revokes grants in memory. If changed is not nil the workload's record is about to change, and is to be read
	// again when the channel is closed. live is false if the workload has ended, or never existed.
	Revoke(id string, grants []record.Revocation) (changed <-chan struct{}, live bool)
}

// Revoker revokes grants.
type Revoker struct {
	Workloads
	Store store.Workloads
	// Await waits until changed is closed or ctx ends. It fails when the reactor shuts down.
	Await func(ctx context.Context, id string, changed <-chan struct{}) error
}

// Do revokes grants of a workload and returns the workload as it is stored then, and the grants that it has revoked.
func (r *Revoker) Do(ctx context.Context, req api.RevokeRequest) (w *api.Workload, revoked []grant.Grant, err error) {
	if err := check(req); err != nil {
		return nil, nil, err
	}
	for looks := 0; ; {
		rec, err := r.Store.Workload(ctx, req.ID)
		if err != nil {
			return nil, nil, refusal.OfStore(err)
		}
		if w, err = record.Decode(rec); err != nil {
			return nil, nil, errs.Wrap(err, "workload")
		}
		more, err := revocations(req, w)
		if err != nil {
			return nil, nil, err
		}
		if len(more) == 0 {
			return w, revoked, nil
		}
		if w.Status.State.Ended() {
			return nil, nil, errs.Workload(errs.WorkloadFinished, req.ID, "workload %q has ended, and holds nothing any more", req.ID)
		}
		revoked = grantsOf(w, more)
		changed, live := r.Revoke(req.ID, more)
		switch {
		case changed != nil:
			if err := r.Await(ctx, req.ID, changed); err != nil {
				return nil, nil, err
			}
		case !live:
			if looks++; looks > 1 { // once it may have ended between the two
				return nil, nil, refusal.Unrecorded(req.ID)
			}
		default:
			if err := r.amend(ctx, rec, more); err != nil {
				return nil, nil, err
			}
		}
	}
}

// check checks a request as far as it shows faults itself.
func check(req api.RevokeRequest) error {
	var f errs.Faults
	if req.ID == "" {
		f.Add("id", "an id is required")
	}
	intake.CheckID(&f, "id", req.ID)
	switch {
	case req.All && len(req.Grants) > 0:
		f.Add("all", "all grants and some of them exclude each other")
	case !req.All && len(req.Grants) == 0:
		f.Add("indices", "say which grants to revoke, or all")
	}
	if len(f) > 0 {
		return f.Err()
	}
	return nil
}

// revocations returns those that a request asks for and that a workload does not have yet.
func revocations(req api.RevokeRequest, w *api.Workload) (more []record.Revocation, err error) {
	var f errs.Faults
	indices := req.Grants
	if req.All {
		for i := range w.Spec.Grants {
			indices = append(indices, i)
		}
	}
	now := time.Now()
	for i, index := range indices {
		if index < 0 || index >= len(w.Spec.Grants) {
			f.Add(fmt.Sprintf("indices[%d]", i), "workload %q has %d grants, and none at %d", w.ID, len(w.Spec.Grants), index)
			continue
		}
		revoked := slices.ContainsFunc(w.Status.Revoked, func(r api.Revocation) bool { return r.Grant == index })
		twice := slices.ContainsFunc(more, func(r record.Revocation) bool { return r.Grant == index })
		if !revoked && !twice {
			more = append(more, record.Revocation{Grant: index, Time: now})
		}
	}
	if len(f) > 0 {
		return nil, f.Err()
	}
	return more, nil
}

// amend stores revocations, unless the record has changed since it was read.
func (r *Revoker) amend(ctx context.Context, rec *store.Workload, more []record.Revocation) error {
	status, err := record.DecodeStatus(rec)
	if err != nil {
		return errs.Wrap(err, "workload")
	}
	status.Revoked = append(status.Revoked, more...)
	slices.SortFunc(status.Revoked, func(a, b record.Revocation) int { return a.Grant - b.Grant })
	_, err = r.Store.Amend(ctx, store.Amendment{ID: rec.ID, Revision: rec.Revision, Status: record.EncodeStatus(&status)})
	if _, changed := errors.AsType[*store.StaleError](err); changed {
		return nil
	}
	return refusal.OfStore(err)
}

// grantsOf returns the grants that are revoked.
func grantsOf(w *api.Workload, revoked []record.Revocation) []grant.Grant {
	grants := make([]grant.Grant, len(revoked))
	for i, r := range revoked {
		grants[i] = w.Spec.Grants[r.Grant]
	}
	return grants
}
