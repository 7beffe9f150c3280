package link

import (
	"errors"
	"fmt"
	"sync"

	"github.com/reactord/reactord/hostcalls"
)

// Provider is what a workload offers while it runs. Its methods may be called from any goroutine.
type Provider interface {
	// Exports returns the functions.
	Exports() *Exports
	// Call has a function called, one of Exports, and does not wait. The arguments are its own from then on. The answer is called once,
	// from any goroutine, also before Call returns; not if the call is cancelled before. cancel gives the call up: the component is
	// asked to end it. It may be called more than once, and when the call is over.
	Call(c Call, answer func(Answer)) (cancel func())
}

// Call is a call of a workload's function.
type Call struct {
	Caller   string // the id of the workload that calls; empty: a client's call without one does
	Function string // the full name of the export
	Args     Parcel
}

// Answer is what has become of a call.
type Answer struct {
	Results Parcel // of one value, or none
	// Taken, unless nil, is to be called when the results were taken. Until then they count as the provider's memory.
	Taken func()
	Err   error // why there are no results
}

// Discard says that nobody takes the results, or what is left of them.
func (a *Answer) Discard() {
	a.Results.Discard()
	if a.Taken != nil {
		a.Taken()
		a.Taken = nil
	}
}

// Offers has what workloads offer to each other.
type Offers struct {
	mu      sync.Mutex // guards the fields below
	offered map[peerID]*offer
	awaited map[peerID]*arrivals // workloads that are waited for
}

// peerID is a workload.
type peerID struct{ tenant, id string }

// offer is an offer of a workload. Its address is its identity.
type offer struct{ provider Provider }

// arrivals are those who wait for the offer of a workload.
type arrivals struct {
	hostcalls.Waiters
	count int
}

// NewOffers returns an Offers without any.
func NewOffers() *Offers {
	return &Offers{offered: map[peerID]*offer{}, awaited: map[peerID]*arrivals{}}
}

// Peer is a workload among the others of its tenant. The zero value has none.
type Peer struct {
	Offers     *Offers
	Tenant, ID string
}

// errAlone means that there are no other workloads.
var errAlone = errors.New("link: there are no other workloads")

// AbsentError means that a workload does not offer its functions now. It is hostcalls.ErrWouldBlock, too, since it may do so later.
type AbsentError struct{ ID string }

func (e *AbsentError) Error() string {
	return fmt.Sprintf("workload %s is not there, or does not offer its functions to other workloads", e.ID)
}

// Is reports whether target is hostcalls.ErrWouldBlock.
func (e *AbsentError) Is(target error) bool { return target == hostcalls.ErrWouldBlock }

// Offer has others call the workload's functions, until it is withdrawn.
func (p Peer) Offer(by Provider) (withdraw func(), err error) {
	o := p.Offers
	if o == nil {
		return nil, errAlone
	}
	me, mine := peerID{p.Tenant, p.ID}, &offer{by}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.offered[me] != nil {
		return nil, fmt.Errorf("workload %s offers its functions already", p.ID)
	}
	o.offered[me] = mine
	if waiting := o.awaited[me]; waiting != nil {
		waiting.Tell()
	}
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if o.offered[me] == mine {
			delete(o.offered, me)
		}
	}, nil
}

// Find returns what a workload of the tenant offers now. Otherwise it returns an *AbsentError, and Arrival notifies.
func (p Peer) Find(id string) (Provider, error) {
	if p.Offers == nil {
		return nil, errAlone
	}
	p.Offers.mu.Lock()
	defer p.Offers.mu.Unlock()
	if found := p.Offers.offered[peerID{p.Tenant, id}]; found != nil {
		return found.provider, nil
	}
	return nil, &AbsentError{id}
}

// Arrival notifies when a workload offers its functions.
func (p Peer) Arrival(id string) hostcalls.Notifier { return arrival{p.Offers, peerID{p.Tenant, id}} }

type arrival struct {
	offers *Offers
	of     peerID
}

// Notify implements hostcalls.Notifier.
func (a arrival) Notify(ready func()) (stop func()) {
	o := a.offers
	o.mu.Lock()
	defer o.mu.Unlock()
	waiting := o.awaited[a.of]
	if waiting == nil {
		waiting = &arrivals{}
		o.awaited[a.of] = waiting
	}
	waiting.count++
	cancel := waiting.Add(&o.mu, ready, o.offered[a.of] != nil)
	return sync.OnceFunc(func() {
		cancel()
		o.mu.Lock()
		defer o.mu.Unlock()
		if waiting.count--; waiting.count == 0 && o.awaited[a.of] == waiting {
			delete(o.awaited, a.of)
		}
	})
}
