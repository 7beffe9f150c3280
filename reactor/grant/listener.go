package grant

import (
	"context"
	"fmt"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/policy"
)

// Listener gives the guest a socket that listens.
type Listener struct {
	// Address is HOST:PORT, where port 0 chooses a free one, or "workload", for the connections of other workloads.
	Address string
	// Name is for the guest.
	Name     string   `json:",omitempty"`
	Protocol Protocol `json:",omitempty"`
}

// Kind implements Grant.
func (Listener) Kind() string { return "listener" }

// String implements capability.Grant.
func (l Listener) String() string {
	if l.Protocol != TCP {
		return fmt.Sprintf("listener on %s %q", l.Protocol, l.Address)
	}
	return fmt.Sprintf("listener on %q", l.Address)
}

// Flag implements Grant.
func (l Listener) Flag() (name, value string) {
	return "listen", named(l.Name) + l.Protocol.prefix() + l.Address
}

// forWorkloads is the address of a listener for the connections of other workloads.
const forWorkloads = "workload"

func (l Listener) check(v *validation) {
	v.name(l.Name)
	l.Protocol.check(v)
	if l.Address != forWorkloads {
		v.address(l.Address, 0)
	} else if l.Protocol != TCP {
		v.add("protocol", "workloads connect over streams only: leave out the protocol")
	}
}

func (l Listener) authorize(_ context.Context, rules Rules, path string) error {
	if l.Address == forWorkloads {
		return nil
	}
	if host, port := hostPort(l.Address); !rules.Allow.MayListen(host, port) {
		return denied(l.String(), path+".address", policy.ErrListen)
	}
	return nil
}

// Handle implements capability.Grant.
func (Listener) Handle() capability.Handle { return capability.SocketHandle }

// Open implements capability.Grant.
func (l Listener) Open(o capability.Opener) error {
	name := l.Name
	if name == "" {
		name = "listener"
	}
	return o.Listen(capability.Listener{Name: name, Address: l.Address, Protocol: l.Protocol.Transport()})
}

func (Listener) trouble(err error) retry.Trouble { return retry.OfNetwork(err) }
