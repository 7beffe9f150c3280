package network

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

const (
	lookupTimeout  = 10 * time.Second // for a name
	connectTimeout = 30 * time.Second // for each address of a name
)

// Costs in units of fuel.
const (
	lookupCost  = 200_000 // of looking up a name
	connectCost = 20_000  // of beginning a connection
)

// Resolve looks up the addresses of a name, one or more, for the process, and waits for them on the call's fiber. An
// address in its usual spelling is its own answer. The error is a *NameError, one of Access, a *net.DNSError, ErrRevoked
// if the grant is revoked meanwhile, or the cause of a cancel.
func (n *Network) Resolve(c *hostcalls.Call, family Family, text string) ([]netip.Addr, error) {
	if addr, ok := Literal(text); ok {
		if family == IPv4 && !addr.Is4() || family == IPv6 && !addr.Is6() {
			return nil, notFound(text)
		}
		return []netip.Addr{addr}, nil
	}
	name, by, err := n.mayResolve(text)
	if err != nil {
		return nil, err
	}
	addrs, err := lookup(c, n.stack, by, family, name)
	switch {
	case err != nil && c.Err() != nil:
		return nil, err
	case err != nil:
		return nil, n.failed(hostcalls.OpResolve, name, err)
	}
	n.remember(name, addrs)
	return addrs, nil
}

// mayResolve returns a name in its canonical form, and the grant by which it may be looked up.
func (n *Network) mayResolve(text string) (name string, by Grant, err error) {
	if name, err = HostName(text); err != nil {
		return "", nil, err
	}
	if by, err = n.access.Resolve(name); err != nil {
		return "", nil, n.failed(hostcalls.OpResolve, name, err)
	}
	return name, by, nil
}

// remember remembers what a lookup of a name gave.
func (n *Network) remember(name string, addrs []netip.Addr) {
	for _, addr := range addrs {
		n.answers.add(name, addr)
	}
}

// maxAddresses bounds the addresses of one lookup.
const maxAddresses = 64

// lookup looks up a canonical name on the driver's pool, by a grant, which may be nil.
func lookup(c *hostcalls.Call, stack Stack, by Grant, family Family, name string) ([]netip.Addr, error) {
	if err := c.Charge(lookupCost); err != nil {
		return nil, err
	}
	var found []netip.Addr
	var failure error
	over, stop := untilRevoked(c, by)
	defer stop()
	err := c.Lookup(over, opBy(by, hostcalls.OpResolve, name), lookupLane(c, name), func(ctx context.Context) {
		found, failure = lookUp(ctx, stack, family, name)
	})
	if err != nil { // found and failure are the job's, which may still run
		return nil, err
	}
	return found, failure
}

func lookupLane(c *hostcalls.Call, name string) driver.Lane {
	return laneOf(hostcalls.OpResolve, c.Tenant(), domainOf(name))
}

// lookUp looks up a canonical name, and waits for the answer.
func lookUp(ctx context.Context, stack Stack, family Family, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := stack.Lookup(ctx, family, name)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, notFound(name)
	}
	addrs := make([]netip.Addr, 0, min(len(found), maxAddresses))
	for _, addr := range found[:cap(addrs)] {
		addrs = append(addrs, addr.Unmap().WithZone(""))
	}
	return addrs, nil
}

func notFound(name string) error {
	return &net.DNSError{Err: "the name has no addresses", Name: name, IsNotFound: true}
}

// Dial connects to HOST:PORT for the daemon, by a grant, which may be nil, and waits on the call's fiber. It tries the
// addresses of a name in turn. check, which may be nil, decides about each before it is tried. The connection is the
// stack's own: pass it to ClientTLS or to Adopt. The error is ErrRevoked if the grant is revoked meanwhile.
func Dial(c *hostcalls.Call, stack Stack, by Grant, address string, check func(host string, to netip.AddrPort) error) (TCP, error) {
	host, targets, err := targetsOf(c, stack, by, address)
	if err != nil {
		return nil, err
	}
	for _, to := range targets {
		if check != nil {
			if err = check(host, to); err != nil {
				continue
			}
		}
		var conn TCP
		if conn, err = connect(c, stack, by, to); err == nil {
			return conn, nil
		}
		if c.Err() != nil || errors.Is(err, ErrRevoked) {
			return nil, err
		}
	}
	return nil, err
}

// Lookup returns the addresses of a host for the daemon, one or more, by a grant, which may be nil, and waits on the call's
// fiber. host is a name or an address.
func Lookup(c *hostcalls.Call, stack Stack, by Grant, host string) ([]netip.Addr, error) {
	if addr, ok := Literal(host); ok {
		return []netip.Addr{addr}, nil
	}
	name, err := HostName(host)
	if err != nil {
		return nil, err
	}
	return lookup(c, stack, by, AnyFamily, name)
}

// targetsOf returns the host of HOST:PORT and its addresses, one or more.
func targetsOf(c *hostcalls.Call, stack Stack, by Grant, address string) (host string, targets []netip.AddrPort, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil || port == 0 {
		return "", nil, &net.AddrError{Err: "invalid port", Addr: address}
	}
	if addr, ok := Literal(host); ok {
		return host, []netip.AddrPort{netip.AddrPortFrom(addr, uint16(port))}, nil
	}
	name, err := HostName(host)
	if err != nil {
		return "", nil, err
	}
	addrs, err := lookup(c, stack, by, AnyFamily, name)
	for _, addr := range addrs {
		targets = append(targets, netip.AddrPortFrom(addr, uint16(port)))
	}
	return name, targets, err
}

// connect connects to one address.
func connect(c *hostcalls.Call, stack Stack, by Grant, to netip.AddrPort) (TCP, error) {
	if err := c.Charge(connectCost); err != nil {
		return nil, err
	}
	family := IPv4
	if to.Addr().Is6() {
		family = IPv6
	}
	conn, err := stack.TCP(family)
	if err != nil {
		return nil, err
	}
	if err := establish(c, conn, by, to); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func establish(c *hostcalls.Call, conn TCP, by Grant, to netip.AddrPort) error {
	over, stop := untilRevoked(c, by)
	defer stop()
	err := conn.Connect(to)
	due := time.Now().Add(connectTimeout)
	wait := [1]hostcalls.Wait{{Op: opBy(by, hostcalls.OpConnect, to.String()), On: Sink(conn)}}
	for errors.Is(err, hostcalls.ErrWouldBlock) {
		if canceled := c.Await(due, wait[:]...); canceled != nil {
			return canceled
		}
		if revoked := over(); revoked != nil {
			return revoked
		}
		late := !time.Now().Before(due)
		if err = conn.FinishConnect(); late && errors.Is(err, hostcalls.ErrWouldBlock) {
			err = syscall.ETIMEDOUT
		}
	}
	if _, ok := err.(syscall.Errno); ok { //nolint:errorlint // one that is wrapped says already of which call it is
		return os.NewSyscallError("connect", err)
	}
	return err
}
