package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Listener gives the guest a socket that listens at a TCP address, HOST:PORT. Port 0 chooses a free one.
type Listener struct{ Address string }

// Kind implements Grant.
func (Listener) Kind() string { return "listener" }

// String implements capability.Grant.
func (l Listener) String() string { return fmt.Sprintf("listener on %q", l.Address) }

func (l Listener) check(v *validation) { v.address(l.Address, 0) }

func (l Listener) authorize(_ context.Context, rules Rules, path string) error {
	if host, port := hostPort(l.Address); !rules.Allow.MayListen(host, port) {
		return denied(l.String(), path+".address", policy.ErrListen)
	}
	return nil
}

// Handle implements capability.Grant.
func (Listener) Handle() capability.Handle { return capability.SocketHandle }

// Open implements capability.Grant.
func (l Listener) Open(o capability.Opener) error { return o.Listen(l.Address) }

func (Listener) trouble(err error) retry.Trouble { return retry.OfNetwork(err) }
