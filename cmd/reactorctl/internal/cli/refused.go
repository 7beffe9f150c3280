package cli

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/cmd/reactorctl/internal/render"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// tellRefused prints, after the end of a workload that failed, what its guest was refused for want of a grant: the guest
// itself knows only that something was denied.
func (a *app) tellRefused(ctx context.Context, w *reactorv1.Workload) {
	if w.GetStatus().GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_FAILED {
		return
	}
	if refused := a.refused(ctx, w.GetId()); refused != "" {
		fmt.Fprintf(a.Err, "  refused for want of a grant: %s\n", refused)
	}
}

// refused says what a workload was refused; nothing if that was nothing, or is not known.
func (a *app) refused(ctx context.Context, id string) string {
	grants, err := a.workloads().GetGrants(ctx, &reactorv1.GetGrantsRequest{Id: id})
	if err != nil || len(grants.GetRefused()) == 0 {
		return ""
	}
	return render.RefusedBriefly(grants) + "; see `reactorctl grants " + id + "`"
}
