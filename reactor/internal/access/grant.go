package access

import (
	"sync"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/grant"
)

// Grant is a grant that something can be open by, until it is revoked.
type Grant struct {
	grant grant.Grant

	mu      sync.Mutex
	revoked bool
	open    map[*onRevoke]struct{}
}

// onRevoke is what is to be called at a revocation.
type onRevoke struct{ call func() }

var _ network.Grant = (*Grant)(nil)

// String implements network.Grant.
func (g *Grant) String() string {
	name, value := g.grant.Flag()
	return "--" + name + " " + value
}

// OnRevoke implements network.Grant.
func (g *Grant) OnRevoke(revoked func()) (stop func()) {
	c := &onRevoke{revoked}
	g.mu.Lock()
	already := g.revoked
	if !already {
		if g.open == nil {
			g.open = map[*onRevoke]struct{}{}
		}
		g.open[c] = struct{}{}
	}
	g.mu.Unlock()
	if already {
		revoked()
		return func() {}
	}
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		delete(g.open, c)
	}
}

// Revoke takes the grant away, once and for all: what is open by it is told, and nothing more is opened by it.
func (g *Grant) Revoke() {
	g.mu.Lock()
	open := g.open
	g.open, g.revoked = nil, true
	g.mu.Unlock()
	for c := range open {
		c.call()
	}
}

// Revoked reports whether the grant was revoked.
func (g *Grant) Revoked() bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.revoked
}
