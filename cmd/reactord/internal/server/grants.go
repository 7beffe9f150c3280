package server

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/cmd/reactord/internal/access"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
)

// toGrants converts grants. One of no kind that is known is nil, which is a fault that is found with those of the others.
func toGrants(list []*reactorv1.Grant) []grant.Grant {
	if len(list) == 0 {
		return nil
	}
	grants := make([]grant.Grant, len(list))
	for i, p := range list {
		grants[i] = toGrant(p)
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
		return grant.Listener{
			Address: g.Listener.GetAddress(), Name: g.Listener.GetName(), Protocol: toProtocol(g.Listener.GetProtocol()),
		}
	case *reactorv1.Grant_Connection:
		return grant.Connection{
			Address: g.Connection.GetAddress(), Name: g.Connection.GetName(), TLS: toTLS(g.Connection.GetTls()), Accept: g.Connection.GetAccept(),
		}
	case *reactorv1.Grant_Dial:
		return grant.Dial{Pattern: g.Dial.GetPattern(), Protocol: toProtocol(g.Dial.GetProtocol())}
	case *reactorv1.Grant_Resolve:
		return grant.Resolve{Pattern: g.Resolve.GetPattern()}
	case *reactorv1.Grant_Http:
		return grant.HTTP{Origin: g.Http.GetOrigin(), Methods: g.Http.GetMethods(), PathPrefix: g.Http.GetPathPrefix()}
	case *reactorv1.Grant_Secret:
		return grant.Secret{Name: g.Secret.GetName(), Ref: g.Secret.GetRef()}
	case *reactorv1.Grant_Link:
		return grant.Link{Interface: g.Link.GetInterface(), Workload: g.Link.GetWorkload()}
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
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Listener{Listener: &reactorv1.ListenerGrant{
			Address: g.Address, Name: g.Name, Protocol: fromProtocol(g.Protocol),
		}}}
	case grant.Connection:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Connection{Connection: &reactorv1.ConnectionGrant{
			Address: g.Address, Name: g.Name, Tls: fromTLS(g.TLS), Accept: g.Accept,
		}}}
	case grant.Dial:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Dial{Dial: &reactorv1.DialGrant{
			Pattern: g.Pattern, Protocol: fromProtocol(g.Protocol),
		}}}
	case grant.Resolve:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Resolve{Resolve: &reactorv1.ResolveGrant{Pattern: g.Pattern}}}
	case grant.HTTP:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Http{Http: &reactorv1.HttpGrant{
			Origin: g.Origin, Methods: g.Methods, PathPrefix: g.PathPrefix,
		}}}
	case grant.Secret:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Secret{Secret: &reactorv1.SecretGrant{Name: g.Name, Ref: g.Ref}}}
	case grant.Link:
		return &reactorv1.Grant{Grant: &reactorv1.Grant_Link{Link: &reactorv1.LinkGrant{Interface: g.Interface, Workload: g.Workload}}}
	default: // found by TestEveryKindOfGrant
		panic(fmt.Sprintf("server: a grant of kind %s has no message", g.Kind()))
	}
}

// toProtocol returns a protocol that the check of the grant refuses if the number is unknown.
func toProtocol(p reactorv1.TransportProtocol) grant.Protocol {
	switch p {
	case reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UNSPECIFIED, reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_TCP:
		return grant.TCP
	case reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP:
		return grant.UDP
	default:
		return grant.Protocol(p.String())
	}
}

func fromProtocol(p grant.Protocol) reactorv1.TransportProtocol {
	if p == grant.UDP {
		return reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_UDP
	}
	return reactorv1.TransportProtocol_TRANSPORT_PROTOCOL_TCP
}

func toTLS(p *reactorv1.TlsOptions) *grant.TLS {
	if p == nil {
		return nil
	}
	return &grant.TLS{
		ServerName: p.GetServerName(), CA: p.GetCa(), Certificate: p.GetCertificate(), Key: p.GetKey(), ALPN: p.GetAlpn(),
	}
}

func fromTLS(t *grant.TLS) *reactorv1.TlsOptions {
	if t == nil {
		return nil
	}
	return &reactorv1.TlsOptions{ServerName: t.ServerName, Ca: t.CA, Certificate: t.Certificate, Key: t.Key, Alpn: t.ALPN}
}

func (w *workloads) GetGrants(ctx context.Context, req *reactorv1.GetGrantsRequest) (*reactorv1.GetGrantsResponse, error) {
	grants, err := w.reactor.GetGrants(ctx, req.GetId())
	if err != nil {
		return nil, err
	}
	resp := &reactorv1.GetGrantsResponse{RefusedMore: grants.RefusedMore, Missing: fromGrants(grants.Missing)}
	for _, g := range grants.Grants {
		resp.Grants = append(resp.Grants, &reactorv1.GrantStatus{
			Grant: fromGrant(g.Grant), RevokeTime: fromTime(g.RevokeTime), Descriptors: uint32(g.Descriptors), //nolint:gosec // within the limit of descriptors
		})
	}
	for _, a := range grants.Refused {
		resp.Refused = append(resp.Refused, &reactorv1.RefusedAccess{
			Kind: reactorv1.OpKind(a.Kind), Target: a.Target, Name: a.Name, Protocol: fromProtocol(a.Protocol),
			FirstTime: fromTime(a.FirstTime), Count: a.Count, Forbidden: a.Forbidden,
		})
	}
	return resp, nil
}

func (w *workloads) RevokeGrants(ctx context.Context, req *reactorv1.RevokeGrantsRequest) (*reactorv1.RevokeGrantsResponse, error) {
	revoke := api.RevokeRequest{ID: req.GetId(), All: req.GetAll()}
	for _, i := range req.GetIndices() {
		revoke.Grants = append(revoke.Grants, int(i))
	}
	workload, revoked, err := w.reactor.RevokeGrants(ctx, revoke)
	if err != nil {
		return nil, err
	}
	if len(revoked) > 0 {
		w.audit.OnRevoked(access.FromContext(ctx).String(), workload.ID, flagsOf(revoked))
	}
	return &reactorv1.RevokeGrantsResponse{Workload: fromWorkload(workload)}, nil
}

// fromRevoked returns the indices of the grants that were revoked.
func fromRevoked(list []api.Revocation) []uint32 {
	if len(list) == 0 {
		return nil
	}
	indices := make([]uint32, len(list))
	for i, r := range list {
		indices[i] = uint32(r.Grant) //nolint:gosec // few grants
	}
	return indices
}
