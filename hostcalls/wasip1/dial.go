package wasip1

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
)

const (
	resolveTimeout = 10 * time.Second // for a name
	connectTimeout = 30 * time.Second // for each address of a name
)

// dial connects to HOST:PORT, on the fiber. It tries the addresses of a name in turn. Package net's Dialer would
// keep a goroutine, and for some names a thread, until a silent peer times out.
func (p *Process) dial(address string, permit capability.Permit) (descriptor, error) {
	targets, err := p.resolve(hostcalls.OpConnect, address)
	if err != nil {
		return nil, err
	}
	host, _, _ := net.SplitHostPort(address) // checked by resolve
	for _, target := range targets {
		if permit != nil {
			if err = permit.Connect(host, target); err != nil {
				continue
			}
		}
		var c *connection
		if c, err = p.connect(target); err == nil {
			return c, nil
		}
		if p.Err() != nil {
			return nil, err
		}
	}
	return nil, err
}

// lookupCost is the cost of looking up a name.
const lookupCost = 200_000

// resolve returns the addresses of HOST:PORT, one or more. kind is the kind of the Op. Names are looked up by
// Go's own resolver, which holds no thread.
func (p *Process) resolve(kind hostcalls.OpKind, address string) ([]netip.AddrPort, error) {
	if literal, err := netip.ParseAddrPort(address); err == nil {
		return []netip.AddrPort{literal}, nil
	}
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "invalid port", Addr: address}
	}
	var addrs []netip.Addr
	var lookup error
	if err := p.Charge(lookupCost); err != nil {
		return nil, err
	}
	err = p.Lookup(hostcalls.Op{Kind: kind, Target: address}, func(ctx context.Context) {
		ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
		defer cancel()
		addrs, lookup = (&net.Resolver{PreferGo: true}).LookupNetIP(ctx, "ip", host)
	})
	if err != nil {
		return nil, err
	}
	if lookup == nil && len(addrs) == 0 {
		lookup = errors.New("the name has no addresses")
	}
	targets := make([]netip.AddrPort, 0, len(addrs))
	for _, addr := range addrs {
		targets = append(targets, netip.AddrPortFrom(addr.Unmap(), uint16(port)))
	}
	return targets, lookup
}

// connect connects to one address. It starts the connection and waits until the socket is writable, when the
// connection is made or has failed.
func (p *Process) connect(target netip.AddrPort) (*connection, error) {
	family, sockaddr, err := sockaddrOf(target)
	if err != nil {
		return nil, err
	}
	fd, err := openSocket(family)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	c, err := adopt(fd, p, target.String())
	if err != nil {
		return nil, err
	}
	if err := p.establish(c, sockaddr); err != nil {
		p.discard(c)
		return nil, err
	}
	return c, nil
}

func (p *Process) establish(c *connection, to unix.Sockaddr) error {
	err := c.try(func(fd int) error {
		err := unix.Connect(fd, to)
		if err == unix.EINTR { // the connection is in progress; connect must not be repeated
			err = unix.EINPROGRESS
		}
		return err
	})
	if err == nil {
		return nil
	}
	if !errors.Is(err, unix.EINPROGRESS) {
		return os.NewSyscallError("connect", err)
	}
	due := time.Now().Add(connectTimeout)
	wait := hostcalls.Wait{Op: hostcalls.Op{Kind: hostcalls.OpConnect, Target: c.peer}, On: writeSide{c}}
	for c.revents(unix.POLLOUT) == 0 {
		if err := p.Await(due, wait); err != nil {
			return err
		}
		if !time.Now().Before(due) {
			return os.NewSyscallError("connect", unix.ETIMEDOUT)
		}
	}
	return c.try(func(fd int) error {
		code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = os.NewSyscallError("connect", syscall.Errno(code))
		}
		return err
	})
}

func sockaddrOf(a netip.AddrPort) (family int, sockaddr unix.Sockaddr, err error) {
	switch {
	case a.Addr().Is4() || a.Addr().Is4In6():
		return unix.AF_INET, &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().Unmap().As4()}, nil
	case a.Addr().Zone() != "":
		return 0, nil, &net.AddrError{Err: "addresses with a zone are not supported", Addr: a.String()}
	default:
		return unix.AF_INET6, &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}, nil
	}
}

// formatSockaddr returns a peer's address as text.
func formatSockaddr(sockaddr unix.Sockaddr) string {
	switch s := sockaddr.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr).Unmap(), uint16(s.Port)).String()
	default:
		return "unknown"
	}
}
