package reactor

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/learn"
	"github.com/reactord/reactord/reactor/internal/record"
)

// RevokeGrants revokes grants of a workload, and returns the workload when that is on disk and has taken effect, and the
// grants that were not revoked before.
func (r *Reactor) RevokeGrants(ctx context.Context, req api.RevokeRequest) (*api.Workload, []grant.Grant, error) {
	w, revoked, err := r.revoker.Do(ctx, req)
	if err != nil {
		return nil, nil, err
	}
	r.observer.Overlay(w)
	return w, revoked, nil
}

// GetGrants returns the grants of a workload, what became of each, and what the workload was refused for want of one.
func (r *Reactor) GetGrants(ctx context.Context, id string) (api.Grants, error) {
	rec, err := r.readRecord(ctx, id)
	if err != nil {
		return api.Grants{}, err
	}
	w, err := record.Decode(rec)
	if err != nil {
		return api.Grants{}, errs.Wrap(err, "workload")
	}
	status, err := record.DecodeStatus(rec)
	if err != nil {
		return api.Grants{}, errs.Wrap(err, "workload")
	}
	var g api.Grants
	for _, of := range w.Spec.Grants {
		g.Grants = append(g.Grants, api.GrantStatus{Grant: of})
	}
	for _, revoked := range w.Status.Revoked {
		if revoked.Grant < len(g.Grants) {
			g.Grants[revoked.Grant].RevokeTime = revoked.Time
		}
	}
	g.Refused, g.RefusedMore = status.RefusedList()
	if a, _, live := r.runner.Look(id); live && a != nil {
		for i := range g.Grants {
			g.Grants[i].Descriptors = a.Descriptors(i)
		}
		g.Refused, g.RefusedMore = a.Refused()
	}
	g.Missing = learn.Smallest(g.Refused)
	return g, nil
}
