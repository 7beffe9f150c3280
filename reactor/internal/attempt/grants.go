package attempt

import (
	"fmt"
	"net/netip"
	"time"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/access"
	"github.com/reactord/reactord/reactor/internal/learn"
)

// recorder returns what notes what a workload is refused.
func recorder(spec *api.Spec, past *Past) *learn.Recorder {
	r := learn.NewRecorder(nil, false)
	if past != nil && past.Refusals != nil {
		r = past.Refusals
	}
	if spec.GrantMode != api.ReportGrants {
		r.Few()
	}
	return r
}

// ungranted is the network.Access of a guest without grants: the attempt itself, since most guests have none and never ask.
type ungranted Attempt

// Dial implements network.Access.
func (u *ungranted) Dial(p network.Protocol, to netip.AddrPort, names []string) (network.Grant, error) {
	return u.access().Dial(p, to, names)
}

// Listen implements network.Access.
func (u *ungranted) Listen(p network.Protocol, at netip.AddrPort) (network.Grant, error) {
	return u.access().Listen(p, at)
}

// Resolve implements network.Access.
func (u *ungranted) Resolve(name string) (network.Grant, error) { return u.access().Resolve(name) }

func (u *ungranted) access() *access.Access {
	return access.New(nil, nil, u.host.Permit, u.refusals.Note, false)
}

// Revoke revokes the grant with an index. What the guest has open through it is closed when Revoke returns.
func (a *Attempt) Revoke(grant int) {
	if grant < len(a.leases) {
		a.leases[grant].Revoke()
	}
}

// lately is how long before its end the grants of a guest were revoked at most, if that is told with the end.
const lately = 30 * time.Second

// refusal returns what may be why the guest of a process that has ended has failed: what it was refused shortly before, or
// else that grants were revoked.
func (a *Attempt) refusal(p abi.Process) *abi.Refusal {
	if r := p.Refusal(); r != nil {
		return r
	}
	var revoked []string
	since := time.Now().Add(-lately)
	for _, l := range a.leases {
		if l.RevokedSince(since) {
			revoked = append(revoked, l.String())
		}
	}
	switch len(revoked) {
	case 0:
		return nil
	case 1:
		return &abi.Refusal{Kind: abi.RefusedRevoked, Why: "its grant " + revoked[0] + " was revoked"}
	default:
		return &abi.Refusal{Kind: abi.RefusedRevoked, Why: fmt.Sprintf("its grant %s was revoked, and %d more", revoked[0], len(revoked)-1)}
	}
}

// Descriptors returns how many descriptors are open through the grant with an index.
func (a *Attempt) Descriptors(grant int) int { return a.leases[grant].Open() }

// Refused returns what the guest was refused for want of a grant, as far as it is noted.
func (a *Attempt) Refused() (list []api.RefusedAccess, more bool) { return a.refusals.Noted() }
