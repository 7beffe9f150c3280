package access

import (
	"context"
	"fmt"
)

// Identity is who makes a call, as far as it was proved. It will choose the tenant one day; for now it
// is only logged.
type Identity struct {
	// Peer is the process at the other end of a unix socket; nil over TCP.
	Peer *Peer
	// Token is true if the call carried the daemon's token.
	Token bool
	// Certificate is the subject of the client's certificate; empty if none was required.
	Certificate string
}

// Peer identifies a process, as the kernel reports it. PID is 0 if it is unknown.
type Peer struct{ UID, PID int }

// String describes the peer for a log.
func (p *Peer) String() string {
	if p.PID == 0 {
		return fmt.Sprintf("user %d", p.UID)
	}
	return fmt.Sprintf("process %d of user %d", p.PID, p.UID)
}

// String describes the identity for a log.
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

// withIdentity returns ctx with an identity.
func withIdentity(ctx context.Context, id Identity) context.Context {
	return context.WithValue(ctx, identityKey{}, id)
}

// FromContext returns the identity of the caller whose call has ctx.
func FromContext(ctx context.Context) Identity {
	id, _ := ctx.Value(identityKey{}).(Identity)
	return id
}
