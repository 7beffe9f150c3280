package wasi

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/grants"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Why grants can't be given to components.
var (
	errConnection   = errors.New("WASI can't hand an open connection to a program: grant the address to dial instead, and let the program connect")
	errPeerListener = errors.New("WASI can't hand a listener for other workloads to a program: its sockets have addresses")
)

// CheckGrant returns why components can't be given a grant, if they can't.
func CheckGrant(g capability.Grant) error { return g.Open(check{}) }

// check is a capability.Opener that opens nothing.
type check struct{}

func (check) OpenFolder(capability.Folder) error        { return nil }
func (check) SetEnv(string, capability.Reference) error { return nil }
func (check) Connect(capability.Connection) error       { return errConnection }

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

// Stream implements grants.Receiver. There is no handle for the socket in WASI. A listener stays open, so that a socket which
// the component binds to its address stands for it; see network.Network.Adopt.
func (r receiver) Stream(_ string, tcp network.TCP, listens bool) error {
	err := errConnection
	if listens {
		err = errPeerListener
	}
	if !listens || !tcp.LocalAddr().IsValid() {
		_ = tcp.Close()
		return err
	}
	return r.keep(tcp)
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

// RevokedSocket implements grants.Receiver. There is no place to keep.
func (receiver) RevokedSocket(string, *lease.Lease) error { return nil }

// Variable implements grants.Receiver.
func (r receiver) Variable(name, value string) {
	r.Environment = append(r.Environment[:len(r.Environment):len(r.Environment)], name+"="+value)
}
