package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Connection gives the guest one open connection to a TCP address, HOST:PORT, which the host dials.
type Connection struct{ Address string }

// Kind implements Grant.
func (Connection) Kind() string { return "connection" }

// String implements capability.Grant.
func (c Connection) String() string { return fmt.Sprintf("connection to %q", c.Address) }

func (c Connection) check(v *validation) { v.address(c.Address, 1) }

func (c Connection) authorize(_ context.Context, rules Rules, path string) error {
	if host, port := hostPort(c.Address); !rules.Allow.MayConnect(host, port) {
		return denied(c.String(), path+".address", policy.ErrConnect)
	}
	return nil
}

// Handle implements capability.Grant.
func (Connection) Handle() capability.Handle { return capability.SocketHandle }

// Open implements capability.Grant.
func (c Connection) Open(o capability.Opener) error { return o.Connect(c.Address) }

func (Connection) trouble(err error) retry.Trouble { return retry.OfNetwork(err) }
