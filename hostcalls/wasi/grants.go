package wasi

import (
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/grants"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

var errPeerListener = errors.New("WASI can't hand a listener for other workloads to a program: its sockets have addresses")

// CheckGrant returns why components can't be given a grant, if they can't. takes returns why not the connection that is granted under
// a name.
func CheckGrant(g capability.Grant, takes func(connection string) error) error {
	return g.Open(check{takes})
}

// check is a capability.Opener that opens nothing.
type check struct{ takes func(string) error }

func (check) OpenFolder(capability.Folder) error        { return nil }
func (check) Link(capability.Link) error                { return nil }
func (check) SetEnv(string, capability.Reference) error { return nil }

func (c check) Connect(to capability.Connection) error { return c.takes(to.Name) }

func (check) Listen(l capability.Listener) error {
	if l.Address == grants.ForWorkloads {
		return errPeerListener
	}
	return nil
}

// receiver is the grants.Receiver of a host.
type receiver struct{ *Host }

var _ grants.Receiver = receiver{}

// Folder implements grants.Receiver: the folder is a preopen.
func (r receiver) Folder(f capability.Folder, dir *vfs.Dir, by *lease.Lease) error {
	var entity vfs.Node
	if dir != nil {
		entity = dir
	}
	if cause := r.hostcall().Err(); cause != nil {
		r.discard(f, entity)
		return cause
	}
	n, err := r.opened(entity, f.GuestPath, by)
	if err != nil {
		r.discard(f, entity)
		return grantError(err)
	}
	r.Preopens = append(r.Preopens, Preopen{n, f.GuestPath})
	return nil
}

// discard closes a folder that was not handed over.
func (r receiver) discard(f capability.Folder, entity vfs.Node) {
	if entity != nil {
		r.Grants.Folders.Close(r.hostcall(), f.GuestPath, entity, func() {})
	}
}

// grantError is the error of a grant for which there is no descriptor left.
func grantError(err error) error {
	if errors.Is(err, syscall.ENFILE) {
		return fmt.Errorf("all guests together: %w", syscall.ENFILE)
	}
	return errors.New("more descriptors than the workload's limit")
}

// Stream implements grants.Receiver. A connection stays open until TakeConnection. There is no handle for a listener in WASI: it
// stays open, so that a socket which the component binds to its address stands for it; see network.Network.Adopt.
func (r receiver) Stream(name string, tcp network.TCP, listens bool) error {
	switch {
	case !listens:
		if err := r.keep(tcp); err != nil {
			return err
		}
		r.connections = append(r.connections, granted{name, tcp})
		return nil
	case !tcp.LocalAddr().IsValid():
		_ = tcp.Close()
		return errPeerListener
	}
	return r.keep(tcp)
}

// granted is the connection of a grant that nobody has taken. It is one of Host.granted, too.
type granted struct {
	name string
	tcp  network.TCP
}

var (
	errRevoked      = errors.New("it was revoked before the function that it is an argument of was called")
	errNoConnection = errors.New("there is none under this name")
)

// TakeConnection returns the connection that is granted under a name. The caller closes it by CloseSocket.
func (h *Host) TakeConnection(name string) (network.TCP, error) {
	for i, g := range h.connections {
		if g.name == name {
			h.connections = slices.Delete(h.connections, i, i+1)
			h.granted = slices.DeleteFunc(h.granted, func(s network.Socket) bool { return s == network.Socket(g.tcp) })
			return g.tcp, nil
		}
	}
	return nil, errNoConnection
}

// Datagrams implements grants.Receiver, as Stream does for a listener.
func (r receiver) Datagrams(_ string, udp network.UDP, _ network.Family) error { return r.keep(udp) }

// keep keeps a socket open until the store is closed.
func (r receiver) keep(s network.Socket) error {
	if err := r.Handles.Take(); err != nil {
		_ = s.Close()
		return grantError(err)
	}
	r.granted = append(r.granted, s)
	return nil
}

// RevokedSocket implements grants.Receiver. There is no place to keep for a listener, and no argument without a connection.
func (receiver) RevokedSocket(_ string, _ *lease.Lease, listens bool) error {
	if listens {
		return nil
	}
	return errRevoked
}

// Imports implements grants.Receiver.
func (r receiver) Imports(name string) []link.Function { return r.store.LinkImports(name) }

// Linked implements grants.Receiver.
func (r receiver) Linked(name string, to *link.Link, by *lease.Lease) { r.store.Link(name, to, by) }

// Variable implements grants.Receiver.
func (r receiver) Variable(name, value string) {
	r.Environment = append(r.Environment[:len(r.Environment):len(r.Environment)], name+"="+value)
}
