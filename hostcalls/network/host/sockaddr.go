package hostnet

import (
	"net"
	"net/netip"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/hostcalls/network"
)

// sockaddrOf returns an address for the sockets of a family. IPv4 written as IPv6 is IPv4.
func sockaddrOf(family network.Family, a netip.AddrPort) (unix.Sockaddr, error) {
	addr := a.Addr().Unmap()
	switch {
	case !addr.IsValid():
		return nil, unix.EINVAL
	case addr.Zone() != "":
		return nil, &net.AddrError{Err: "addresses with a zone are not supported", Addr: a.String()}
	case family == network.IPv4 && addr.Is4():
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: addr.As4()}, nil
	case family == network.IPv6 && addr.Is6(), family == network.AnyFamily:
		return &unix.SockaddrInet6{Port: int(a.Port()), Addr: addr.As16()}, nil
	default:
		return nil, unix.EAFNOSUPPORT
	}
}

// addrPortOf returns the address of a sockaddr, without a zone; the zero AddrPort if it is of another family.
func addrPortOf(sockaddr unix.Sockaddr) netip.AddrPort {
	switch s := sockaddr.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(s.Addr), uint16(s.Port))
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(s.Addr).Unmap(), uint16(s.Port))
	default:
		return netip.AddrPort{}
	}
}
