package wasip1

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"syscall"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
)

// openGrants opens the grants and waits as needed; Ops shows the waits. The error is a *capability.Error if a
// grant can't be opened; any other error is the cause of a cancel.
//
// Descriptors start at 3. The folders come first, because programs search for preopened folders from 3 until
// there is none, then the sockets, each in the order of the grants.
func (p *Process) openGrants(config *abi.Config) error {
	type leased struct {
		capability.Grant
		lease *lease.Lease
	}
	grants := make([]leased, len(config.Grants))
	for i, g := range config.Grants {
		grants[i].Grant = g
		if i < len(config.Leases) {
			grants[i].lease = config.Leases[i]
			p.granted.unwatch = append(p.granted.unwatch, grants[i].lease.OnRevoke(p.Fiber().Task().Wake))
		}
	}
	slices.SortStableFunc(grants, func(a, b leased) int { return cmp.Compare(a.Handle(), b.Handle()) })
	for _, g := range grants {
		err := opener{p, config.Permit, g.lease}.open(g.Grant)
		switch {
		case err == nil:
			continue
		case p.Err() != nil:
			return p.Err()
		case errors.Is(err, executor.ErrOutOfFuel):
			return err
		default:
			return &capability.Error{Grant: g.Grant, Err: err}
		}
	}
	p.setSockets(p.granted.names)
	if p.granted.listening == nil {
		p.granted.listening = []string{}
	}
	p.granted.opened.Store(&p.granted.listening)
	return nil
}

// opener is the capability.Opener of a process: what it opens becomes a descriptor.
type opener struct {
	process *Process
	permit  capability.Permit // nil permits everything
	lease   *lease.Lease      // of what is opened
}

// open opens a grant. If that is revoked, now or meanwhile, its descriptor stands for nothing.
func (o opener) open(g capability.Grant) error {
	if !o.lease.Revoked() {
		if err := g.Open(o); err == nil || !o.lease.Revoked() || o.process.Err() != nil {
			return err
		}
	}
	return g.Open(revokedOpener{o})
}

// OpenFolder implements capability.Opener.
func (o opener) OpenFolder(f capability.Folder) error {
	return o.install(o.process.openFolder(f, o.permit))
}

// installSocket is install for a socket, which has a name for the guest.
func (o opener) installSocket(name string, d descriptor, err error) error {
	if err = o.install(d, err); err == nil {
		o.process.granted.names = append(o.process.granted.names, name)
	}
	return err
}

// install adds an opened descriptor to the table, unless err is set or the guest is cancelled.
func (o opener) install(d descriptor, err error) error {
	p := o.process
	if err != nil {
		return err
	}
	if cause := p.Err(); cause != nil {
		p.discard(d)
		return cause
	}
	switch _, e := p.fds.add(d); e {
	case errnoSuccess:
		o.hold(d)
		return nil
	case errnoNfile: // all processes together
		err = fmt.Errorf("all guests together: %w", syscall.ENFILE)
	default:
		err = errors.New("more descriptors than the workload's limit")
	}
	p.discard(d)
	return err
}

// hold says that a descriptor is open by the grant. Sockets say so to the network.
func (o opener) hold(d descriptor) {
	switch d := d.(type) {
	case netSocket:
	case *folder:
		if d.Dir != nil {
			o.process.holdNode(d.stat(), o.lease, d.path, d.Dir)
			return
		}
		d.holdBy(o.lease, nil)
	default:
		d.stat().holdBy(o.lease, nil)
	}
}
