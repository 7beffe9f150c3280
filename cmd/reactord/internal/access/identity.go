package access

import (
	"context"
	"fmt"
)

// Identity is who calls, as far as that is proved. Who asks for what will one day belong to a
// tenant; until then it is told in the log.
type Identity struct {
	// Peer is the process at the other end of a unix socket; nil over TCP.
	Peer *Peer
	// Token tells that the call had the daemon's token.
	Token bool
	// Certificate is whom the client's certificate is for; empty if it needed none.
	Certificate string
}

// Peer is a process as the kernel tells of it. PID is 0 where that is not known.
type Peer struct{ UID, PID int }

// String is the peer as a log tells of it.
func (p *Peer) String() string {
	if p.PID == 0 {
		return fmt.Sprintf("user %d", p.UID)
	}
	return fmt.Sprintf("process %d of user %d", p.PID, p.UID)
}

// String is the identity as a log tells of it.
func (id Identity) String() string {
	who := "anybody"
	switch {
	case id.Token:
		who = "token"
	case id.Peer != nil:
		who = id.Peer.String()
	}
	if id.Certificate != "" {
		who += ", certificate of " + id.Certificate
	}
	return who
}

type identityKey struct{}

// withIdentity is ctx with who calls.
func withIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext is who makes the call of ctx.
func FromContext(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}
