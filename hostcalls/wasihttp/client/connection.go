package client

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"sync"
	"syscall"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// dial connects for an exchange, which ctx has: to one of its host's addresses that may be connected to.
func (c *Client) dial(ctx context.Context, protocol, _ string) (net.Conn, error) {
	x := ctx.Value(exchangeKey{}).(*exchange) //nolint:forcetypeassert // all requests are those of exchanges
	ctx, cancel := context.WithTimeoutCause(ctx, x.options().Connect.Or(connectTimeout), fault(wasihttp.ConnectionTimeout))
	defer cancel()
	defer context.AfterFunc(c.ctx, cancel)() // net/http goes on for others when a request is given up
	select {
	case c.dials <- struct{}{}:
		defer func() { <-c.dials }()
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	addresses, err := c.addresses(ctx, x.target)
	if err != nil {
		return nil, err
	}
	allowed := slices.DeleteFunc(addresses, func(to netip.AddrPort) bool { return c.config.Access.Connect(x.target, to) != nil })
	if len(allowed) == 0 {
		return nil, fault(wasihttp.DestinationIPProhibited)
	}
	return race(ctx, alternate(allowed), func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return c.connect(ctx, protocol, x.target.Scheme, to)
	})
}

// addresses returns the addresses of the target, one or more.
func (c *Client) addresses(ctx context.Context, t *Target) (list []netip.AddrPort, err error) {
	if at, ok := t.Address(); ok {
		return []netip.AddrPort{at}, nil
	}
	if c.config.Stack == nil {
		return nil, fault(wasihttp.DestinationNotFound)
	}
	found, err := c.config.Stack.Lookup(ctx, network.AnyFamily, t.Host)
	if err != nil {
		return nil, err
	}
	const most = 16
	for _, addr := range found[:min(len(found), most)] {
		list = append(list, netip.AddrPortFrom(addr.Unmap().WithZone(""), t.Port))
	}
	if len(list) == 0 {
		return nil, &net.DNSError{Err: "the name has no addresses", Name: t.Host, IsNotFound: true}
	}
	return list, nil
}

// connect makes a connection, which counts as the workload's. One to a service of this daemon takes no socket.
func (c *Client) connect(ctx context.Context, protocol, scheme string, to netip.AddrPort) (net.Conn, error) {
	if err := c.take(); err != nil {
		c.transport.CloseIdleConnections()
		if err = c.take(); err != nil {
			return nil, err
		}
	}
	made := &connection{client: c}
	var err error
	if made.Conn, err = c.reach(ctx, scheme, to); errors.Is(err, network.ErrUnserved) {
		made.Conn, err = c.socket(ctx, made, protocol, to)
	}
	if err != nil {
		made.giveBack()
		return nil, err
	}
	made.peer = network.ReachedPeer(made.Conn)
	if c.config.Traffic != nil {
		made.Conn = network.Metered(made.Conn, c.config.Traffic)
	}
	conn := made.Conn
	made.unwatch = context.AfterFunc(c.ctx, func() { _ = conn.Close() }) // net/http closes what it finds closed
	return made, nil
}

// reach connects to a service of this daemon. Those that speak TLS do it over sockets, since both sides would wait for each other:
// each writes before it reads.
func (c *Client) reach(ctx context.Context, scheme string, to netip.AddrPort) (net.Conn, error) {
	if scheme != "http" {
		return nil, network.ErrUnserved
	}
	return c.config.Peer.Reach(ctx, to)
}

// socket opens a socket, which counts as a descriptor of the connection.
func (c *Client) socket(ctx context.Context, made *connection, protocol string, to netip.AddrPort) (net.Conn, error) {
	if !c.config.Budget.Take(c.config.Owner, 1) {
		return nil, syscall.ENFILE
	}
	made.descriptors = 1
	var dialer net.Dialer
	return dialer.DialContext(ctx, protocol, to.String())
}

// take counts another connection.
func (c *Client) take() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.config.Connections > 0 && c.count >= c.config.Connections {
		return network.ErrTooManySockets
	}
	c.count++
	return nil
}

// Open returns the number of connections.
func (c *Client) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.count
}

// connection is a connection that counts.
type connection struct {
	net.Conn
	client      *Client
	peer        string // the workload at the other end; empty: another server
	descriptors int64  // that it has taken
	unwatch     func() bool
	once        sync.Once
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.unwatch()
		c.giveBack()
	})
	return err
}

// giveBack counts the connection no more.
func (c *connection) giveBack() {
	c.client.mu.Lock()
	c.client.count--
	c.client.mu.Unlock()
	c.client.config.Budget.Give(c.client.config.Owner, c.descriptors)
}
