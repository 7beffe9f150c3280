package access

import (
	"context"
	"os"
	"strings"
	"sync/atomic"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/reactord/reactord/reactor/errs"
)

// withoutToken has the methods that anybody may call: load balancers call them, and the answers reveal nothing.
var withoutToken = map[string]bool{
	"/grpc.health.v1.Health/Check": true,
	"/grpc.health.v1.Health/Watch": true,
}

// Gate admits or refuses calls.
type Gate struct {
	owner int                   // the daemon's user id
	token atomic.Pointer[Token] // nil: over TCP nobody is admitted, or everybody if open is set
	open  bool
}

// NewGate makes a gate that requires token over TCP, and the daemon's own user or root at a unix
// socket. If token is nil, nobody is admitted over TCP.
func NewGate(token *Token) *Gate {
	g := &Gate{owner: os.Geteuid()}
	g.token.Store(token)
	return g
}

// NewOpenGate makes a gate that admits everybody who can connect over TCP.
func NewOpenGate() *Gate { return &Gate{owner: os.Geteuid(), open: true} }

// RequiresToken reports whether callers over TCP need a token.
func (g *Gate) RequiresToken() bool { return g.token.Load() != nil }

// SetToken has calls from now on need the given token, and reports whether that is another one than before. Streams
// that were admitted go on.
func (g *Gate) SetToken(token *Token) (changed bool) {
	before := g.token.Swap(token)
	return before == nil || !before.same(token)
}

// Admit decides whether a call may be made. It returns the call's context with the caller's Identity, or an
// UNAUTHENTICATED *errs.Error.
//
// The peer's user is checked although the socket's mode keeps other users out: somebody may change the mode, or
// give its folder away.
func (g *Gate) Admit(ctx context.Context, method string, header metadata.MD) (context.Context, error) {
	id := Identity{}
	local := false
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(connection); ok {
			local, id.Peer, id.Certificate = info.local, info.peer, info.certificate
		}
	}
	given, asked := bearer(header.Get("authorization"))
	token := g.token.Load()
	id.Token = asked && token != nil && token.Equal(given)
	switch {
	case id.Token, withoutToken[method], g.open && !local:
	case local && id.Peer != nil && (id.Peer.UID == g.owner || id.Peer.UID == 0):
	case local:
		return ctx, errs.New(errs.Unauthenticated,
			"this socket serves only user %d, who runs the daemon", g.owner)
	case !asked:
		return ctx, errs.New(errs.Unauthenticated,
			"this address requires the daemon's token, as metadata \"authorization: Bearer TOKEN\": the token is in the file \"token\" of the daemon's data folder, or where its --api-token-file says")
	default:
		return ctx, errs.New(errs.Unauthenticated,
			"this is not the daemon's token, which is in the file \"token\" of its data folder, or where its --api-token-file says")
	}
	return withIdentity(ctx, id), nil
}

// AdmitHTTP decides whether a request of HTTP over TCP may be made, by the values of its header Authorization. It returns why not.
func (g *Gate) AdmitHTTP(authorization []string) error {
	given, asked := bearer(authorization)
	token := g.token.Load()
	switch {
	case g.open, asked && token != nil && token.Equal(given):
		return nil
	case !asked:
		return errs.New(errs.Unauthenticated,
			"this address requires the token for metrics, as \"Authorization: Bearer TOKEN\": it is in the file \"metrics-token\" of the daemon's data folder")
	default:
		return errs.New(errs.Unauthenticated,
			"this is not the token for metrics, which is in the file \"metrics-token\" of the daemon's data folder")
	}
}

// bearer returns the token of a call. A call with several has none.
func bearer(values []string) (token string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	const scheme = "bearer "
	if len(values[0]) <= len(scheme) || !strings.EqualFold(values[0][:len(scheme)], scheme) {
		return "", false
	}
	return strings.TrimSpace(values[0][len(scheme):]), true
}
