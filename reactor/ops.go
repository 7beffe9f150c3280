package reactor

import (
	"context"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/selector"
	"github.com/reactord/reactord/reactor/store"
)

// ListOps returns a page of pending host operations: those of one workload, those of the workloads with some labels, of
// which the newest come first, or all in the order of the workloads' ids.
func (r *Reactor) ListOps(ctx context.Context, filter api.OpFilter, page api.Page) (ops []api.Op, next string, err error) {
	size, err := intake.PageSize(page)
	if err != nil {
		return nil, "", err
	}
	var f errs.Faults
	of := selectedOf(&f, filter)
	if page.OldestFirst && page.Token != "" {
		f.Add("page_token", "the oldest operations are one page")
	}
	if len(f) > 0 {
		return nil, "", f.Err()
	}
	if of.ID != "" {
		if _, err := r.readWorkload(ctx, of.ID); err != nil {
			return nil, "", err
		}
	}
	matching := observe.NewOpFilter(filter)
	switch {
	case page.OldestFirst:
		ops, err = r.observer.OldestOps(ctx, of, matching, size)
		return ops, "", err
	case of.ID != "":
		return r.observer.OpsOf(of.ID, matching, page.Token, size)
	case of.Filter != nil:
		return r.observer.OpsSelected(ctx, *of.Filter, matching, page.Token, size)
	default:
		return r.observer.Ops(ctx, matching, page.Token, size)
	}
}

// The groups of a summary, by default and at most.
const (
	defaultGroups = 20
	maxGroups     = 1000
)

// SummarizeOps counts pending host operations by what they wait for, and returns the largest groups: so many, or 20 if
// groups is zero.
func (r *Reactor) SummarizeOps(ctx context.Context, filter api.OpFilter, groups int) (api.OpSummary, error) {
	var f errs.Faults
	of := selectedOf(&f, filter)
	if groups < 0 {
		f.Add("groups", "%d is negative", groups)
	}
	if len(f) > 0 {
		return api.OpSummary{}, f.Err()
	}
	if groups == 0 {
		groups = defaultGroups
	}
	return r.observer.SummarizeOps(ctx, of, observe.NewOpFilter(filter), min(groups, maxGroups))
}

// selectedOf returns the workloads whose operations a filter selects.
func selectedOf(f *errs.Faults, filter api.OpFilter) observe.Selected {
	labels, err := selector.Parse(filter.LabelSelector)
	switch {
	case err != nil:
		f.Add("label_selector", "%v", err)
	case len(labels) > 0 && filter.WorkloadID != "":
		f.Add("label_selector", "an id and a selector exclude each other")
	}
	if filter.MinAge < 0 {
		f.Add("filter.min_age", "%v is negative", filter.MinAge)
	}
	of := observe.Selected{ID: filter.WorkloadID}
	if len(labels) > 0 {
		of.Filter = &store.Filter{States: store.Unfinished, Labels: labels}
	}
	return of
}
