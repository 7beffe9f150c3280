package equip

import (
	"sync/atomic"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/access"
)

// Host is what all guests of a reactor share.
type Host struct {
	Driver *driver.Driver
	Permit Permit
	// Stack is the network; nil: there is none.
	Stack network.Stack
	// Peers has the listeners of workloads for each other.
	Peers *network.Peers
	// Offers has the functions that workloads offer to each other.
	Offers *link.Offers
	// Totals count what all guests do together; nil: nothing does.
	Totals *Totals
}

// Totals count what all guests of a reactor do together.
type Totals struct {
	Sockets atomic.Int64 // that they have open
	Served  abi.ServiceTotals
}

// Permit decides about grants when they are opened, and about what a guest opens by itself.
type Permit interface {
	capability.Permit
	access.Operator
}

// Given is what a guest has by its grants.
type Given struct {
	Leases  []*lease.Lease   // of the grants, in their order
	Traffic *network.Traffic // that it is counted by
	Access  *access.Access   // to what it may open by itself
}

// Give gives a process the grants, which are valid. onRefused, unless nil, is told what the guest lacks a grant for; learns says that
// all of that is noted, and nothing but grants keeps names from being looked up.
func (h *Host) Give(config *abi.Config, grants []grant.Grant, limits api.Limits, onRefused access.OnRefused, learns bool) Given {
	var g Given
	for _, one := range grants {
		config.Grants = append(config.Grants, one)
		g.Leases = append(g.Leases, lease.New(grant.CommandLine(one)))
	}
	g.Traffic = network.NewTraffic(h.Driver, network.TrafficLimits{
		Sent: limits.SentBytes, Received: limits.ReceivedBytes, BytesPerSecond: limits.BytesPerSecond,
	})
	g.Access = access.New(grants, g.Leases, h.Permit, onRefused, learns)
	config.Permit, config.Leases = h.Permit, g.Leases
	config.Network = network.Config{Stack: h.Stack, Access: g.Access, Traffic: g.Traffic, Sockets: int(limits.Connections)}
	if h.Totals != nil {
		config.Network.Total, config.Served = &h.Totals.Sockets, &h.Totals.Served
	}
	return g
}
