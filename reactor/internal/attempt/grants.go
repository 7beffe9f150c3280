package attempt

import (
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/learn"
)

// recorder returns what notes what a workload is refused, if it asks for that; otherwise nil.
func recorder(spec *api.Spec, past *Past) *learn.Recorder {
	switch {
	case spec.GrantMode != api.ReportGrants:
		return nil
	case past != nil && past.Refusals != nil:
		return past.Refusals
	default:
		return learn.NewRecorder(nil, false)
	}
}

// Revoke revokes the grant with an index. What the guest has open through it is closed when Revoke returns.
func (a *Attempt) Revoke(grant int) {
	if grant < len(a.leases) {
		a.leases[grant].Revoke()
	}
}

// Descriptors returns how many descriptors are open through the grant with an index.
func (a *Attempt) Descriptors(grant int) int { return a.leases[grant].Open() }

// Refused returns what the guest was refused for want of a grant, if that is noted.
func (a *Attempt) Refused() (list []api.RefusedAccess, more bool) { return a.refusals.Noted() }
