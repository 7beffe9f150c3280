package network

import (
	"context"
	"net/netip"
	"sync"

	"github.com/reactord/reactord/hostcalls"
)

// Resolution is a lookup of a name that goes on by itself. As a hostcalls.Notifier it is ready when it is over. Its methods are for
// the process's fiber.
type Resolution struct {
	network *Network
	by      Grant // or nil
	name    string
	cancel  func()
	stop    func() // of the grant's OnRevoke

	mu      sync.Mutex // guards the fields below
	over    bool
	addrs   []netip.Addr
	err     error
	waiters hostcalls.Waiters
}

// StartResolve is Resolve without waiting: the result comes by Resolution.Result. An error is one of a name that is not valid or
// that Access does not allow, or the cause of a cancel. The caller closes the Resolution.
func (n *Network) StartResolve(c *hostcalls.Call, family Family, text string) (*Resolution, error) {
	if addr, ok := Literal(text); ok {
		l := &Resolution{network: n, over: true, addrs: []netip.Addr{addr}}
		if family == IPv4 && !addr.Is4() || family == IPv6 && !addr.Is6() {
			l.addrs, l.err = nil, notFound(text)
		}
		return l, nil
	}
	name, by, err := n.mayResolve(text)
	if err != nil {
		return nil, err
	}
	if err := c.Charge(lookupCost); err != nil {
		return nil, err
	}
	l := &Resolution{network: n, by: by, name: name}
	var found []netip.Addr
	var failure error
	l.cancel = c.StartLookup(l.Op(), lookupLane(c, name), func(ctx context.Context) {
		found, failure = lookUp(ctx, n.stack, family, name)
	}, func() { l.end(found, failure) })
	if by != nil {
		l.stop = by.OnRevoke(func() { l.end(nil, ErrRevoked) })
	}
	return l, nil
}

// end ends the lookup, unless it is over. It may be called from any goroutine.
func (l *Resolution) end(addrs []netip.Addr, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.over {
		return
	}
	if len(addrs) == 0 && err == nil {
		err = notFound(l.name)
	}
	l.over, l.addrs, l.err = true, addrs, err
	l.waiters.Tell()
}

// Op is the operation that waits for the lookup.
func (l *Resolution) Op() hostcalls.Op { return opBy(l.by, hostcalls.OpResolve, l.name) }

// Notify implements hostcalls.Notifier.
func (l *Resolution) Notify(ready func()) (stop func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.waiters.Add(&l.mu, ready, l.over)
}

// Result returns the addresses, one or more, hostcalls.ErrWouldBlock if they are not known yet, or why there are none, as
// Resolve does.
func (l *Resolution) Result() ([]netip.Addr, error) {
	l.mu.Lock()
	over, addrs, err := l.over, l.addrs, l.err
	l.mu.Unlock()
	switch {
	case !over:
		return nil, hostcalls.ErrWouldBlock
	case err != nil && l.name != "":
		return nil, l.network.failed(hostcalls.OpResolve, l.name, err)
	case l.name != "":
		l.network.remember(l.name, addrs)
	}
	return addrs, err
}

// Close gives the lookup up.
func (l *Resolution) Close() {
	if l.stop != nil {
		l.stop()
	}
	if l.cancel != nil {
		l.cancel()
	}
}
