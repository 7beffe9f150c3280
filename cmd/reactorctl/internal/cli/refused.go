package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// tellRefused prints, after the end of a workload that failed, what its guest was refused: the guest
// itself knows only that something was denied.
func (a *app) tellRefused(ctx context.Context, w *reactorv1.Workload) {
	if w.GetStatus().GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_FAILED {
		return
	}
	if refused := a.refused(ctx, w.GetId()); refused != "" {
		fmt.Fprintf(a.Err, "  refused %s\n", refused)
	} else if a.cannotDial(ctx, w) {
		fmt.Fprintf(a.Err, "  %s\n", cannotDial)
	}
}

// cannotDial is told of a guest that is to connect and whose libraries don't know how: what it tries never reaches the
// daemon, so that nothing was refused.
const cannotDial = "its module calls nothing that connects or looks up names: \"Dialling\" in docs/guests.md has what its language needs"

// cannotDial reports whether a workload was granted connections, or is to find out which ones it needs, and its module
// has no call to open one with.
func (a *app) cannotDial(ctx context.Context, w *reactorv1.Workload) bool {
	dials := func(g *reactorv1.Grant) bool { return g.GetDial() != nil || g.GetResolve() != nil }
	spec := w.GetSpec()
	if spec.GetGrantMode() != reactorv1.GrantMode_GRANT_MODE_REPORT && !slices.ContainsFunc(spec.GetGrants(), dials) {
		return false
	}
	response, err := a.modules().GetModule(ctx, &reactorv1.GetModuleRequest{Module: spec.GetModule()})
	if err != nil {
		return false
	}
	needs := response.GetModule().GetNeeds()
	return !slices.Contains(needs, "dialling") && !slices.Contains(needs, "names")
}

// refused says what a workload was refused; nothing if that was nothing, or is not known.
func (a *app) refused(ctx context.Context, id string) string {
	grants, err := a.workloads().GetGrants(ctx, &reactorv1.GetGrantsRequest{Id: id})
	if err != nil || len(grants.GetRefused()) == 0 {
		return ""
	}
	text := render.RefusedBriefly(grants)
	const few = 3 // of them, so that the line stays short
	if flags := render.GrantFlags(grants.GetMissing()); flags != "" && len(grants.GetMissing()) <= few {
		text += "; allow it with " + flags
	}
	return text + "; see `reactorctl grants " + id + "`"
}
