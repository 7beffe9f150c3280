package access

import (
	"context"
	"os"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/reactor/errs"
)

// withoutToken are the calls that anybody may make: balancers ask them, and the answers tell nothing.
var withoutToken = map[string]bool{
	"/grpc.health.v1.Health/Check": true,
	"/grpc.health.v1.Health/Watch": true,
}

// Gate lets calls in, or not.
type Gate struct {
	owner int    // the daemon's user
	token *Token // nil: over TCP nobody is let in, or with open everybody
	open  bool
}

// NewGate makes a gate that asks for token over TCP, and for the daemon's own user, or root, at a
// unix socket. Without a token nobody is let in over TCP.
func NewGate(token *Token) *Gate { return &Gate{owner: os.Geteuid(), token: token} }

// NewOpenGate makes a gate that lets in whoever can connect over TCP.
func NewOpenGate() *Gate { return &Gate{owner: os.Geteuid(), open: true} }

// Admit decides whether the caller may make a call: its context then has the Identity. The error is
// an UNAUTHENTICATED *errs.Error.
//
// The peer's user is asked for at a socket although its mode keeps other users out: a mode can be
// changed, and the folder it lies in be given away, while this holds.
func (g *Gate) Admit(ctx context.Context, method string, header metadata.MD) (context.Context, error) {
	id := Identity{}
	local := false
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(connection); ok {
			local, id.Peer, id.Certificate = info.local, info.peer, info.certificate
		}
	}
	given, asked := bearer(header)
	id.Token = asked && g.token != nil && g.token.Equal(given)
	switch {
	case id.Token, withoutToken[method], g.open && !local:
	case local && id.Peer != nil && (id.Peer.UID == g.owner || id.Peer.UID == 0):
	case local:
		return ctx, errs.New(errs.Unauthenticated,
			"this socket serves user %d, who runs the daemon, and nobody else", g.owner)
	case !asked:
		return ctx, errs.New(errs.Unauthenticated,
			"a token is needed here, as metadata \"authorization: Bearer TOKEN\": it is in the file \"token\" of the daemon's data folder")
	default:
		return ctx, errs.New(errs.Unauthenticated,
			"the token is not this daemon's: that is in the file \"token\" of its data folder")
	}
	return withIdentity(ctx, id), nil
}

// bearer is the token of a call. A call with several has none.
func bearer(header metadata.MD) (token string, ok bool) {
	values := header.Get("authorization")
	if len(values) != 1 {
		return "", false
	}
	const scheme = "bearer "
	if len(values[0]) <= len(scheme) || !strings.EqualFold(values[0][:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(values[0][len(scheme):]), true
}
