package network

import (
	"errors"
	"fmt"
	"sync"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
)

// peerBacklog is how many connections from others wait to be accepted by a process.
const peerBacklog = 128

// Peers has the listeners at which processes accept connections from each other, in memory. Its methods, and those of its
// Peers, may be called from any goroutine and do not block. Its lock is taken before those of the listeners.
type Peers struct {
	mu        sync.Mutex
	listeners map[peerID]map[string]*Listener // by their names
	awaited   map[peerID]*arrivals            // processes that are waited for

	served served // has a lock of its own
}

// peerID is a process.
type peerID struct{ tenant, id string }

// arrivals are those who wait for listeners of a process.
type arrivals struct {
	hostcalls.Waiters
	count int
}

// NewPeers returns a Peers without listeners.
func NewPeers() *Peers {
	return &Peers{listeners: map[peerID]map[string]*Listener{}, awaited: map[peerID]*arrivals{}}
}

// Peer is a process among its peers: those of its tenant. The zero value has none.
type Peer struct {
	Peers      *Peers
	Tenant, ID string
}

// ErrNoPeers means that a process without peers was to connect to one, or to listen for them.
var ErrNoPeers = errors.New("network: there are no other processes")

// AbsentError means that a process does not listen for its peers, or not with the listener that was named. It is
// hostcalls.ErrWouldBlock, too, since it may do so later.
type AbsentError struct {
	ID   string // of the process
	Name string // of the listener that it lacks; empty: it has none, or is not there
}

func (e *AbsentError) Error() string {
	if e.Name != "" {
		return fmt.Sprintf("workload %s has no listener %q for other workloads", e.ID, e.Name)
	}
	return fmt.Sprintf("workload %s is not there, or does not listen for other workloads", e.ID)
}

// Is reports whether target is hostcalls.ErrWouldBlock.
func (e *AbsentError) Is(target error) bool { return target == hostcalls.ErrWouldBlock }

// Listen returns a listener for the process's peers, until it is closed. Its name is one of a kind.
func (p Peer) Listen(name string) (TCP, error) {
	if p.Peers == nil {
		return nil, ErrNoPeers
	}
	me := peerID{p.Tenant, p.ID}
	p.Peers.mu.Lock()
	defer p.Peers.mu.Unlock()
	mine := p.Peers.listeners[me]
	if mine[name] != nil {
		return nil, fmt.Errorf("there are two listeners for workloads with the name %q: give each a name of its own", name)
	}
	if mine == nil {
		mine = map[string]*Listener{}
		p.Peers.listeners[me] = mine
	}
	l := NewListener(peerBacklog)
	mine[name] = l
	if waiting := p.Peers.awaited[me]; waiting != nil {
		waiting.Tell()
	}
	return &peerListener{l, p.Peers, me, name}, nil
}

// peerListener is a listener that others find until it is closed.
type peerListener struct {
	*Listener
	peers *Peers
	owner peerID
	name  string
}

// Close implements Socket.
func (l *peerListener) Close() error {
	err := l.Listener.Close()
	l.peers.mu.Lock()
	defer l.peers.mu.Unlock()
	if mine := l.peers.listeners[l.owner]; mine[l.name] == l.Listener {
		if delete(mine, l.name); len(mine) == 0 {
			delete(l.peers.listeners, l.owner)
		}
	}
	return err
}

// Dial connects to the listener of a peer, to its only one if name is empty. It returns an *AbsentError as long as there is
// none, and hostcalls.ErrWouldBlock as long as it has no room; then Arrival notifies.
func (p Peer) Dial(id, name string) (TCP, error) {
	if p.Peers == nil {
		return nil, ErrNoPeers
	}
	p.Peers.mu.Lock()
	defer p.Peers.mu.Unlock()
	l, err := p.Peers.find(peerID{p.Tenant, id}, name)
	if err != nil {
		return nil, err
	}
	c, err := l.dial(0, p.ID, id)
	if errors.Is(err, syscall.ECONNREFUSED) { // it is being closed
		err = hostcalls.ErrWouldBlock
	}
	return c, err
}

// Listens reports whether a peer has a listener that Dial would connect to, now or once it has room.
func (p Peer) Listens(id, name string) bool {
	p.Peers.mu.Lock()
	defer p.Peers.mu.Unlock()
	_, err := p.Peers.find(peerID{p.Tenant, id}, name)
	return err == nil
}

// find returns a listener. p.mu is held.
func (p *Peers) find(peer peerID, name string) (*Listener, error) {
	theirs := p.listeners[peer]
	if name == "" && len(theirs) > 1 {
		return nil, fmt.Errorf("workload %s has several listeners for workloads: name one, as in workload:%s/NAME", peer.id, peer.id)
	}
	for theirName, l := range theirs {
		if name == "" || name == theirName {
			return l, nil
		}
	}
	absent := &AbsentError{ID: peer.id}
	if len(theirs) > 0 {
		absent.Name = name
	}
	return nil, absent
}

// Arrival notifies when Dial may not block.
func (p Peer) Arrival(id, name string) hostcalls.Notifier { return arrival{p, id, name} }

type arrival struct {
	peer     Peer
	id, name string
}

// Notify implements hostcalls.Notifier.
func (a arrival) Notify(ready func()) (stop func()) {
	p := a.peer.Peers
	p.mu.Lock()
	defer p.mu.Unlock()
	them := peerID{a.peer.Tenant, a.id}
	l, err := p.find(them, a.name)
	switch {
	case err == nil && !l.isClosed():
		return l.NotifyRoom(ready)
	case err != nil && !errors.Is(err, hostcalls.ErrWouldBlock):
		ready()
		return func() {}
	}
	waiting := p.awaited[them]
	if waiting == nil {
		waiting = &arrivals{}
		p.awaited[them] = waiting
	}
	waiting.count++
	cancel := waiting.Add(&p.mu, ready, false)
	return sync.OnceFunc(func() {
		cancel()
		p.mu.Lock()
		defer p.mu.Unlock()
		if waiting.count--; waiting.count == 0 {
			delete(p.awaited, them)
		}
	})
}
