package wasip1

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

const (
	// forWorkloads is the address of a listener for other workloads, and begins that of a connection to one.
	forWorkloads = "workload"
	// peerTimeout is how long another workload is waited for that is to accept a connection.
	peerTimeout = 30 * time.Second
)

// listenForPeers listens for the connections of other workloads. The grant is the consent to them: only workloads of the
// tenant with a grant for it can connect.
func (o opener) listenForPeers(name string) (descriptor, error) {
	p := o.process
	tcp, err := p.granted.peer.Listen(name)
	if err != nil {
		return nil, err
	}
	if tcp, err = o.adopt(tcp, forWorkloads); err != nil {
		return nil, err
	}
	p.granted.listening = append(p.granted.listening, forWorkloads)
	return newListener(tcp, p), nil
}

// connectToPeer connects to ID or ID/NAME, a listener of another workload, and waits for it for some time.
func (o opener) connectToPeer(address string) (descriptor, error) {
	p := o.process
	id, name, _ := strings.Cut(address, "/")
	due := time.Now().Add(peerTimeout)
	op := hostcalls.Op{
		Kind: hostcalls.OpConnect, Target: forWorkloads + " " + address,
		Subject: peerListener{held{o.lease}, p.granted.peer, id, name},
	}
	for {
		tcp, err := p.granted.peer.Dial(id, name)
		if err == nil {
			if tcp, err = o.adopt(tcp, op.Target); err != nil {
				return nil, err
			}
			return newConnection(tcp, p), nil
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
		if err := p.Await(due, hostcalls.Wait{Op: op, On: p.granted.peer.Arrival(id, name)}); err != nil {
			return nil, err
		}
	}
}

// peerListener is a listener of another workload that is waited for, as a hostcalls.Awaiting.
type peerListener struct {
	held
	peer     network.Peer
	id, name string
}

// Awaits implements hostcalls.Awaiting.
func (l peerListener) Awaits() (id, listener string) { return l.id, l.name }

// Listens implements hostcalls.Awaiting.
func (l peerListener) Listens() bool { return l.peer.Listens(l.id, l.name) }

// lateError is the error for a connection to another workload that was waited for in vain.
func lateError(id string, err error) error {
	if absent, ok := errors.AsType[*network.AbsentError](err); ok {
		return fmt.Errorf("%w; waited %v for it", absent, peerTimeout)
	}
	return fmt.Errorf("workload %s did not accept it within %v", id, peerTimeout)
}
