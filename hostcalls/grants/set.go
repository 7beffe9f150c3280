package grants

import (
	"cmp"
	"errors"
	"slices"
	"sync/atomic"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Set is what a process has by its grants. It must not be copied after Init.
type Set struct {
	Folders files.Folders

	peer      network.Peer
	links     link.Peer
	config    network.Config
	sockets   *network.Network // nil until there is a socket
	unwatch   []func()         // the wake-ups by revocations
	listening []string         // addresses
	opened    atomic.Pointer[[]string]
}

// Receiver gets what grants open. It owns what it gets, also if it returns an error, which is then the grant's.
type Receiver interface {
	// Folder gets a folder; nil if its grant was revoked.
	Folder(f capability.Folder, dir *vfs.Dir, by *lease.Lease) error
	// Stream gets a socket that listens or is connected.
	Stream(name string, tcp network.TCP, listens bool) error
	// Datagrams gets a UDP socket that is bound.
	Datagrams(name string, udp network.UDP, family network.Family) error
	// RevokedSocket gets the place of a socket whose grant was revoked, and that would listen or be connected.
	RevokedSocket(name string, by *lease.Lease, listens bool) error
	// Imports returns the functions that the guest imports from other guests under the name that a grant has.
	Imports(name string) []link.Function
	// Linked gets the link for these, until the lease is revoked.
	Linked(name string, to *link.Link, by *lease.Lease)
	// Variable gets a variable of the environment.
	Variable(name, value string)
}

// Init makes a zero Set that of a process, of whose grants none is open yet. The config has its defaults set. What the host holds
// for the process by its grants, such as secrets, counts as the process's memory.
func (s *Set) Init(config *abi.Config, memory network.Memory) {
	s.Folders = files.NewFolders(config.Mounts, config.OnOutside)
	s.peer, s.links, s.config = config.Peer, config.Links, config.Network
	s.config.Memory = memory
}

// Open opens the grants and waits as needed; operations show the waits. The error is a *capability.Error if a
// grant can't be opened; any other error is the cause of a cancel. The call is to be the process's only one, or its first.
//
// The folders come first, then the sockets, each in the order of the grants.
func (s *Set) Open(c *hostcalls.Call, config *abi.Config, to Receiver) error {
	type leased struct {
		capability.Grant
		lease *lease.Lease
	}
	grants := make([]leased, len(config.Grants))
	for i, g := range config.Grants {
		grants[i].Grant = g
		if i < len(config.Leases) {
			grants[i].lease = config.Leases[i]
			s.unwatch = append(s.unwatch, grants[i].lease.OnRevoke(c.Fiber().Task().Wake))
		}
	}
	slices.SortStableFunc(grants, func(a, b leased) int { return cmp.Compare(a.Handle(), b.Handle()) })
	for _, g := range grants {
		err := opener{s, c, to, config.Permit, g.lease}.open(g.Grant)
		switch {
		case err == nil:
			continue
		case c.Err() != nil:
			return c.Err()
		case errors.Is(err, executor.ErrOutOfFuel):
			return err
		default:
			return &capability.Error{Grant: g.Grant, Err: err}
		}
	}
	if s.listening == nil {
		s.listening = []string{}
	}
	s.opened.Store(&s.listening)
	return nil
}

// Close ends what the process has by its grants, except for what the Receiver got.
func (s *Set) Close() {
	for _, stop := range s.unwatch {
		stop()
	}
	s.unwatch = nil
}

// ListenAddresses returns the addresses of the listener grants, in order; nil until all grants are open.
func (s *Set) ListenAddresses() []string {
	if addresses := s.opened.Load(); addresses != nil {
		return *addresses
	}
	return nil
}

// Network returns the process's network.
func (s *Set) Network() *network.Network {
	if s.sockets == nil {
		s.sockets = network.New(s.config)
	}
	return s.sockets
}
