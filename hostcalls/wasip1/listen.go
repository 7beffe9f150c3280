package wasip1

import (
	"errors"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
)

// backlog is the number of connections that may wait to be accepted, if the system allows that many.
const backlog = 4096

// Listen implements capability.Opener.
func (o opener) Listen(l capability.Listener) error {
	if l.Protocol != network.OverTCP {
		return errors.New("this daemon listens over TCP only")
	}
	d, err := o.listen(l.Address)
	return o.installSocket(l.Name, d, err)
}

func (o opener) listen(address string) (descriptor, error) {
	p := o.process
	tcp, err := p.listen(address, o.permit)
	if err != nil {
		return nil, err
	}
	if tcp, err = p.adopt(tcp, o.lease); err != nil {
		return nil, err
	}
	p.granted.listening = append(p.granted.listening, tcp.LocalAddr().String())
	return newListener(tcp, p), nil
}

// listen listens on HOST:PORT. A name is looked up first, and one of its addresses is chosen as by package net: the first
// IPv4 address, or else the first. The listener is the stack's.
func (p *Process) listen(address string, permit capability.Permit) (network.TCP, error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return nil, &net.AddrError{Err: "invalid port", Addr: address}
	}
	addrs, err := network.Lookup(&p.Call, p.granted.network.Stack, host)
	if err != nil {
		return nil, err
	}
	at := netip.AddrPortFrom(addrs[max(slices.IndexFunc(addrs, netip.Addr.Is4), 0)], uint16(port))
	if permit != nil {
		if err := permit.Listen(at); err != nil {
			return nil, err
		}
	}
	defer p.AddCostSince(time.Now())
	return listenAt(p.granted.network.Stack, at)
}

// listenAt opens a listening socket. At every address of IPv6 it takes IPv4, too.
func listenAt(stack network.Stack, at netip.AddrPort) (_ network.TCP, err error) {
	family := network.IPv6
	switch {
	case at.Addr().Is4():
		family = network.IPv4
	case at.Addr().IsUnspecified():
		family = network.AnyFamily
	}
	tcp, err := stack.TCP(family)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	defer func() {
		if err != nil {
			_ = tcp.Close()
		}
	}()
	// Connections of a listener before must not keep its address from this one.
	if err := tcp.SetOption(network.ReuseAddr, 1); err != nil {
		return nil, err
	}
	if err := tcp.Bind(at); err != nil {
		return nil, inCall("bind", err)
	}
	if err := tcp.Listen(backlog); err != nil {
		return nil, inCall("listen", err)
	}
	return tcp, nil
}

// inCall names the system call of an error.
func inCall(name string, err error) error {
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		return os.NewSyscallError(name, code)
	}
	return err
}
