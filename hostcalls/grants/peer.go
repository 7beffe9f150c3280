package grants

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
)

// ForWorkloads is the address of a listener for other workloads, and begins that of a connection to one.
const ForWorkloads = "workload"

// peerTimeout is how long another workload is waited for that is to accept a connection.
const peerTimeout = 30 * time.Second

// listenForPeers listens for the connections of other workloads. The grant is the consent to them: only workloads of the
// tenant with a grant for it can connect.
func (o opener) listenForPeers(name string) error {
	tcp, err := o.peer.Listen(name)
	if err != nil {
		return err
	}
	if tcp, err = o.adopt(tcp, ForWorkloads); err != nil {
		return err
	}
	o.listening = append(o.listening, ForWorkloads)
	return o.to.Stream(name, tcp, true)
}

// connectToPeer connects to ID or ID/NAME, a listener of another workload, and waits for it for some time.
func (o opener) connectToPeer(address string) (network.TCP, error) {
	id, name, _ := strings.Cut(address, "/")
	due := time.Now().Add(peerTimeout)
	op := hostcalls.Op{
		Kind: hostcalls.OpConnect, Target: ForWorkloads + " " + address,
		Subject: peerListener{files.Held{By: o.lease}, o.peer, id, name},
	}
	for {
		tcp, err := o.peer.Dial(id, name)
		if err == nil {
			return o.adopt(tcp, op.Target)
		}
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return nil, err
		}
		if err := o.lease.Err(); err != nil {
			return nil, err
		}
		if !time.Now().Before(due) {
			return nil, lateError(id, err)
		}
		if err := o.call.Await(due, hostcalls.Wait{Op: op, On: o.peer.Arrival(id, name)}); err != nil {
			return nil, err
		}
	}
}

// peerListener is a listener of another workload that is waited for, as a hostcalls.Awaiting.
type peerListener struct {
	files.Held
	peer     network.Peer
	id, name string
}

// Awaits implements hostcalls.Awaiting.
func (l peerListener) Awaits() (id, listener string) { return l.id, l.name }

// Listens implements hostcalls.Awaiting.
func (l peerListener) Listens() bool { return l.peer.Listens(l.id, l.name) }

// Link implements capability.Opener. The other workload is waited for as one that is to accept a connection, and its types are compared.
func (o opener) Link(l capability.Link) error {
	made := link.New(o.links, l.Workload, o.to.Imports(l.Interface))
	if len(made.Imports()) == 0 {
		return fmt.Errorf("the guest imports nothing of %s", l.Interface)
	}
	due := time.Now().Add(peerTimeout)
	op := hostcalls.Op{Kind: hostcalls.OpCall, Target: ForWorkloads + " " + l.Workload + " " + l.Interface, Subject: peerOffer{files.Held{By: o.lease}, o.links, l.Workload}}
	for {
		err := made.Find()
		if err == nil {
			o.to.Linked(l.Interface, made, o.lease)
			return nil
		}
		if !errors.Is(err, hostcalls.ErrWouldBlock) {
			return err
		}
		if err := o.lease.Err(); err != nil {
			return err
		}
		if !time.Now().Before(due) {
			return fmt.Errorf("%w; waited %v for it", err, peerTimeout)
		}
		if err := o.call.Await(due, hostcalls.Wait{Op: op, On: o.links.Arrival(l.Workload)}); err != nil {
			return err
		}
	}
}

// peerOffer is a workload that is waited for until it offers its functions, as a hostcalls.Awaiting.
type peerOffer struct {
	files.Held
	links link.Peer
	id    string
}

// Awaits implements hostcalls.Awaiting.
func (p peerOffer) Awaits() (id, listener string) { return p.id, "" }

// Listens implements hostcalls.Awaiting.
func (p peerOffer) Listens() bool {
	_, err := p.links.Find(p.id)
	return err == nil
}

// lateError is the error for a connection to another workload that was waited for in vain.
func lateError(id string, err error) error {
	if absent, ok := errors.AsType[*network.AbsentError](err); ok {
		return fmt.Errorf("%w; waited %v for it", absent, peerTimeout)
	}
	return fmt.Errorf("workload %s did not accept it within %v", id, peerTimeout)
}
