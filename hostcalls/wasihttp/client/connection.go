package client

import (
	"context"
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
		return c.connect(ctx, protocol, to)
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

// connect makes a connection, which counts as the workload's.
func (c *Client) connect(ctx context.Context, protocol string, to netip.AddrPort) (net.Conn, error) {
	if err := c.take(); err != nil {
		c.transport.CloseIdleConnections()
		if err = c.take(); err != nil {
			return nil, err
		}
	}
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, protocol, to.String())
	if err != nil {
		c.giveBack()
		return nil, err
	}
	if c.config.Traffic != nil {
		conn = network.Metered(conn, c.config.Traffic)
	}
	unwatch := context.AfterFunc(c.ctx, func() { _ = conn.Close() }) // net/http closes what it finds closed
	return &connection{Conn: conn, client: c, unwatch: unwatch}, nil
}

// take counts another connection.
func (c *Client) take() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.config.Connections > 0 && c.open >= c.config.Connections:
		return network.ErrTooManySockets
	case !c.config.Budget.Take(c.config.Owner, 1):
		return syscall.ENFILE
	}
	c.open++
	return nil
}

func (c *Client) giveBack() {
	c.mu.Lock()
	c.open--
	c.mu.Unlock()
	c.config.Budget.Give(c.config.Owner, 1)
}

// Open returns the number of connections.
func (c *Client) Open() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.open
}

// connection is a connection that counts.
type connection struct {
	net.Conn
	client  *Client
	unwatch func() bool
	once    sync.Once
}

// Close implements net.Conn.
func (c *connection) Close() error {
	err := c.Conn.Close()
	c.once.Do(func() {
		c.unwatch()
		c.client.giveBack()
	})
	return err
}
