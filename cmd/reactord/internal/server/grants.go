package server

import (
	"fmt"
	"strings"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/grant"
)

func toGrants(list []*reactorv1.Grant, bad *fields) []grant.Grant {
	if len(list) == 0 {
		return nil
	}
	grants := make([]grant.Grant, 0, len(list))
	for i, p := range list {
		g := toGrant(p)
		if g == nil {
			bad.add("must be one of "+strings.Join(grant.Kinds(), ", "), "spec.grants[%d]", i)
			continue
		}
		grants = append(grants, g)
	}
	return grants
}

func fromGrants(list []grant.Grant) []*reactorv1.Grant {
	if len(list) == 0 {
		return nil
	}
	grants := make([]*reactorv1.Grant, len(list))
	for i, g := range list {
		grants[i] = fromGrant(g)
	}
	return grants
}

// toGrant returns nil for a message with no kind of grant set.
func toGrant(p *reactorv1.Grant) grant.Grant {
	switch g := p.GetGrant().(type) {
	case *reactorv1.Grant_Directory:
		return grant.Directory{
			HostPath: g.Directory.GetHostPath(), GuestPath: g.Directory.GetGuestPath(), ReadOnly: g.Directory.GetReadOnly(),
		}
	case *reactorv1.Grant_Listener:
		return grant.Listener{Address: g.Listener.GetAddress()}
	case *reactorv1.Grant_Connection:
		return grant.Connection{Address: g.Connection.GetAddress()}
	default:
		return nil
	}
}

func fromGrant(g grant.Grant) *reactorv1.Grant {
	switch g := g.(type) {
	case grant.Directory:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Directory{Directory: &reactorv1.DirectoryGrant{
			HostPath: g.HostPath, GuestPath: g.GuestPath, ReadOnly: g.ReadOnly,
		}}}
	case grant.Listener:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{Address: g.Address}}}
	case grant.Connection:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{Address: g.Address}}}
	default: // found by TestEveryKindOfGrant
		panic(fmt.Sprintf("server: a grant of kind %s has no message", g.Kind()))
	}
}
