package wasip1

import (
	"errors"
	"fmt"
	"syscall"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/grants"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// openGrants opens the grants and waits as needed, as grants.Set.Open does.
//
// Descriptors start at 3. The folders come first, because programs search for preopened folders from 3 until
// there is none, then the sockets, each in the order of the grants.
func (p *Process) openGrants(config *abi.Config) error {
	to := &receiver{process: p}
	if err := p.granted.Open(&p.Call, config, to); err != nil {
		return err
	}
	p.setSockets(to.names)
	return nil
}

// receiver is the grants.Receiver of a process: what grants open becomes a descriptor.
type receiver struct {
	process *Process
	names   []string // of the sockets, in the order of the descriptors
}

var _ grants.Receiver = (*receiver)(nil)

// Folder implements grants.Receiver.
func (r *receiver) Folder(f capability.Folder, dir *vfs.Dir, by *lease.Lease) error {
	d := &folder{fdstat: fdstat{filetype: filetypeDirectory}, path: f.GuestPath, granted: true}
	if dir == nil {
		d.holdBy(by, nil)
		return r.install(d)
	}
	d.Dir, d.base, d.inheriting = dir, folderRights, folderRights|fileRights
	if err := r.install(d); err != nil {
		return err
	}
	r.process.holdNode(d.stat(), by, d.path, dir)
	return nil
}

// Stream implements grants.Receiver.
func (r *receiver) Stream(name string, tcp network.TCP, listens bool) error {
	if listens {
		return r.socket(name, newListener(tcp, r.process))
	}
	return r.socket(name, newConnection(tcp, r.process))
}

// Datagrams implements grants.Receiver.
func (r *receiver) Datagrams(name string, udp network.UDP, family network.Family) error {
	return r.socket(name, newUDPSocket(r.process, udp, family))
}

// RevokedSocket implements grants.Receiver.
func (r *receiver) RevokedSocket(name string, by *lease.Lease, _ bool) error {
	d := &revokedSocket{fdstat{filetype: filetypeSocketStream}}
	d.holdBy(by, nil)
	return r.socket(name, d)
}

// Imports implements grants.Receiver. A module imports nothing of other guests.
func (*receiver) Imports(string) []link.Function { return nil }

// Linked implements grants.Receiver.
func (*receiver) Linked(string, *link.Link, *lease.Lease) {}

// Variable implements grants.Receiver.
func (r *receiver) Variable(name, value string) { r.process.env.add(name + "=" + value) }

// socket is install for a socket, which has a name for the guest.
func (r *receiver) socket(name string, d descriptor) error {
	if err := r.install(d); err != nil {
		return err
	}
	r.names = append(r.names, name)
	return nil
}

// install adds an opened descriptor to the table, unless the guest is cancelled.
func (r *receiver) install(d descriptor) error {
	p := r.process
	if cause := p.Err(); cause != nil {
		p.discard(d)
		return cause
	}
	_, e := p.fds.add(d)
	if e == errnoSuccess {
		return nil
	}
	p.discard(d)
	if e == errnoNfile { // all processes together
		return fmt.Errorf("all guests together: %w", syscall.ENFILE)
	}
	return errors.New("more descriptors than the workload's limit")
}
