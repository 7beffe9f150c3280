package hostnet

import (
	"context"
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls/network"
)

// Stack is the host's network. Make one with New.
type Stack struct{ driver *driver.Driver }

var _ network.Stack = (*Stack)(nil)

// New returns the host's network, whose sockets wait by a driver.
func New(d *driver.Driver) *Stack { return &Stack{d} }

// TCP implements network.Stack.
func (s *Stack) TCP(family network.Family) (network.TCP, error) {
	fd, err := open(family, unix.SOCK_STREAM)
	if err != nil {
		return nil, err
	}
	setNoDelay(fd)
	return &tcp{socket: socket{driver: s.driver, fd: fd, family: family}}, nil
}

// UDP implements network.Stack.
func (s *Stack) UDP(family network.Family) (network.UDP, error) {
	fd, err := open(family, unix.SOCK_DGRAM)
	if err != nil {
		return nil, err
	}
	u := &udp{socket{driver: s.driver, fd: fd, family: family, datagrams: true}}
	if err := u.register(); err != nil {
		_ = u.Close()
		return nil, err
	}
	return u, nil
}

// open returns a new socket in non-blocking mode. One of any family is one of IPv6 that takes IPv4 too.
func open(family network.Family, kind int) (int, error) {
	if family == network.IPv4 {
		return openSocket(unix.AF_INET, kind)
	}
	fd, err := openSocket(unix.AF_INET6, kind)
	if err != nil {
		return -1, err
	}
	only := 0
	if family == network.IPv6 {
		only = 1
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, only); err != nil {
		_ = unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// setNoDelay has a connection's bytes sent at once, as package net does: who writes wants that. An error does no harm.
func setNoDelay(fd int) { _ = unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1) }

// Lookup implements network.Stack. Go's own resolver holds no thread.
func (*Stack) Lookup(ctx context.Context, family network.Family, name string) ([]netip.Addr, error) {
	kind := map[network.Family]string{network.AnyFamily: "ip", network.IPv4: "ip4", network.IPv6: "ip6"}[family]
	addrs, err := (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, kind, name)
	for i := range addrs {
		addrs[i] = addrs[i].Unmap()
	}
	return addrs, err
}
