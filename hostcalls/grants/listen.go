package grants

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
	switch {
	case l.Address == ForWorkloads:
		return o.listenForPeers(l.Name)
	case l.Protocol == network.OverUDP:
		return o.listenForDatagrams(l)
	default:
		return o.listen(l)
	}
}

// listenForDatagrams binds a UDP socket, which may answer those whom it has heard.
func (o opener) listenForDatagrams(l capability.Listener) error {
	at, err := o.placeOf(l.Address)
	if err != nil {
		return err
	}
	adopted, err := o.bind(at)
	if err != nil {
		return err
	}
	o.listening = append(o.listening, network.OverUDP.Address(adopted.LocalAddr()))
	return o.to.Datagrams(l.Name, adopted, familyAt(at))
}

// bind makes a UDP socket of the process's network.
func (o opener) bind(at netip.AddrPort) (network.UDP, error) {
	defer o.call.Guest().AddCostSince(time.Now())
	udp, err := o.config.Stack.UDP(familyAt(at))
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	if err := udp.Bind(at); err != nil {
		_ = udp.Close()
		return nil, inCall("bind", err)
	}
	adopted, err := o.Network().AdoptUDP(udp, o.grant(), "")
	if err != nil {
		_ = udp.Close()
		return nil, err
	}
	return adopted, nil
}

func (o opener) listen(l capability.Listener) error {
	tcp, err := o.listenTCP(l.Address)
	if err != nil {
		return err
	}
	if tcp, err = o.adopt(tcp, ""); err != nil {
		return err
	}
	o.listening = append(o.listening, tcp.LocalAddr().String())
	return o.to.Stream(l.Name, tcp, true)
}

// listenTCP listens on HOST:PORT. The listener is the stack's.
func (o opener) listenTCP(address string) (network.TCP, error) {
	at, err := o.placeOf(address)
	if err != nil {
		return nil, err
	}
	defer o.call.Guest().AddCostSince(time.Now())
	return listenAt(o.config.Stack, at)
}

// placeOf returns the address to listen at for HOST:PORT. Without a host it is every address. A name is looked up, and one
// of its addresses is chosen as by package net: the first IPv4 address, or else the first.
func (o opener) placeOf(address string) (at netip.AddrPort, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return at, err
	}
	port, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return at, &net.AddrError{Err: "invalid port", Addr: address}
	}
	if host == "" {
		host = netip.IPv6Unspecified().String()
	}
	addrs, err := network.Lookup(o.call, o.config.Stack, o.grant(), host)
	if err != nil {
		return at, err
	}
	at = netip.AddrPortFrom(addrs[max(slices.IndexFunc(addrs, netip.Addr.Is4), 0)], uint16(port))
	if o.permit != nil {
		if err := o.permit.Listen(at); err != nil {
			return at, err
		}
	}
	return at, nil
}

// listenAt opens a listening socket. At every address of IPv6 it takes IPv4, too.
func listenAt(stack network.Stack, at netip.AddrPort) (_ network.TCP, err error) {
	tcp, err := stack.TCP(familyAt(at))
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

// familyAt returns the family of a socket that listens at an address.
func familyAt(at netip.AddrPort) network.Family {
	switch {
	case at.Addr().Is4():
		return network.IPv4
	case at.Addr().IsUnspecified():
		return network.AnyFamily
	}
	return network.IPv6
}

// inCall names the system call of an error.
func inCall(name string, err error) error {
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		return os.NewSyscallError(name, code)
	}
	return err
}
