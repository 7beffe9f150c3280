package wasip1

import (
	"math"
	"net/netip"
	"time"

	"github.com/reactord/reactord/hostcalls/network"
)

func addressFunctions() []function {
	return []function{
		{"sock_getlocaladdr", "iii", sockLocalAddr},
		{"sock_getlocaladdr", "iiii", sockLocalAddrType},
		{"sock_getlocaladdr_v2", "iii", sockLocalAddr},
		{"sock_getpeeraddr", "iii", sockPeerAddr},
		{"sock_getpeeraddr", "iiii", sockPeerAddrType},
		{"sock_getpeeraddr_v2", "iii", sockPeerAddr},
	}
}

// Sizes in bytes of addresses, and of the record that points to one.
const (
	sizeAddress = 8   // {buffer: pointer, length: u32}
	sizeInet4   = 4   // the address
	sizeInet6   = 16  // the address
	sizeStorage = 128 // {family: u16, address}
)

// addressBuffer returns the buffer that the record at ptr points to.
func (m memory) addressBuffer(ptr uint32) ([]byte, errno) {
	record, e := m.bytes(ptr, sizeAddress)
	if e != errnoSuccess {
		return nil, e
	}
	buf, n := le.Uint32(record), le.Uint32(record[4:])
	if n != sizeInet4 && n != sizeInet6 && n != sizeStorage {
		return nil, errnoInval
	}
	return m.bytes(buf, n)
}

// address returns the address that the record at ptr points to.
func (m memory) address(ptr, port uint32) (netip.AddrPort, errno) {
	buf, e := m.addressBuffer(ptr)
	if e != errnoSuccess {
		return netip.AddrPort{}, e
	}
	if port > math.MaxUint16 {
		return netip.AddrPort{}, errnoInval
	}
	addr, e := decodeAddress(buf)
	return netip.AddrPortFrom(addr, uint16(port)), e
}

// decodeAddress decodes a buffer of addressBuffer.
func decodeAddress(buf []byte) (netip.Addr, errno) {
	if len(buf) == sizeStorage {
		family := le.Uint16(buf)
		buf = buf[2:]
		switch family {
		case afInet4:
			buf = buf[:sizeInet4]
		case afInet6:
			buf = buf[:sizeInet6]
		default:
			return netip.Addr{}, errnoAfnosupport
		}
	}
	addr, _ := netip.AddrFromSlice(buf)
	return addr, errnoSuccess
}

// encodeAddress writes an address into a buffer of addressBuffer.
func encodeAddress(buf []byte, addr netip.Addr) errno {
	bytes := addr.AsSlice()
	if len(buf) == sizeStorage {
		le.PutUint16(buf, familyOf(addr))
		buf = buf[2:]
	}
	if len(buf) < len(bytes) {
		return errnoNomem // as WasmEdge has it
	}
	copy(buf, bytes)
	return errnoSuccess
}

func familyOf(addr netip.Addr) uint16 {
	switch {
	case addr.Is4():
		return afInet4
	case addr.Is6():
		return afInet6
	default:
		return afUnspec
	}
}

// netSocket is a socket of the process's network.
type netSocket interface {
	descriptor
	socket() network.Socket
	addressFamily() network.Family
	bind(p *Process, local netip.AddrPort) errno
	connect(p *Process, to netip.AddrPort) errno
	// pendingError returns and clears the error of the socket.
	pendingError() errno
	timeout(o optionName) *time.Duration
}

// netSocket returns the socket fd.
func (p *Process) netSocket(fd uint32) (netSocket, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	s, ok := d.(netSocket)
	if !ok {
		return nil, errnoNotsock
	}
	return s, errnoSuccess
}

// localAddr returns the local address of the socket fd.
func (p *Process) localAddr(fd uint32) (netip.AddrPort, errno) {
	s, e := p.netSocket(fd)
	if e != errnoSuccess {
		return netip.AddrPort{}, e
	}
	local := s.socket().LocalAddr()
	switch {
	case local.IsValid():
	case s.addressFamily() == network.IPv6:
		local = netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	default:
		local = netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
	}
	return local, errnoSuccess
}

// peerAddr returns the address of the peer of the socket fd.
func (p *Process) peerAddr(fd uint32) (netip.AddrPort, errno) {
	s, e := p.netSocket(fd)
	if e != errnoSuccess {
		return netip.AddrPort{}, e
	}
	if tcp, ok := s.(*tcpSocket); ok {
		if tcp.settle(); tcp.state != tcpConnected {
			return netip.AddrPort{}, errnoNotconn
		}
	}
	remote := s.socket().RemoteAddr()
	if !remote.IsValid() {
		return netip.AddrPort{}, errnoNotconn
	}
	return remote, errnoSuccess
}

// sockLocalAddr: sock_getlocaladdr(fd, *address, *port).
func sockLocalAddr(p *Process, m memory, a args) errno {
	return putAddress(m, a.u32(1), a.u32(2), func() (netip.AddrPort, errno) { return p.localAddr(a.u32(0)) })
}

// sockPeerAddr: sock_getpeeraddr(fd, *address, *port).
func sockPeerAddr(p *Process, m memory, a args) errno {
	return putAddress(m, a.u32(1), a.u32(2), func() (netip.AddrPort, errno) { return p.peerAddr(a.u32(0)) })
}

// putAddress writes an address, and its port.
func putAddress(m memory, address, port uint32, get func() (netip.AddrPort, errno)) errno {
	buf, e := m.addressBuffer(address)
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(port, 4); e != errnoSuccess {
		return e
	}
	value, e := get()
	if e != errnoSuccess {
		return e
	}
	if e := encodeAddress(buf, value.Addr()); e != errnoSuccess {
		return e
	}
	return m.putUint32(port, uint32(value.Port()))
}

// sockLocalAddrType: sock_getlocaladdr(fd, *address, *type, *port), of the first version.
func sockLocalAddrType(p *Process, m memory, a args) errno {
	return putAddressType(m, a, func() (netip.AddrPort, errno) { return p.localAddr(a.u32(0)) })
}

// sockPeerAddrType: sock_getpeeraddr(fd, *address, *type, *port), of the first version.
func sockPeerAddrType(p *Process, m memory, a args) errno {
	return putAddressType(m, a, func() (netip.AddrPort, errno) { return p.peerAddr(a.u32(0)) })
}

// putAddressType is putAddress for functions that also tell the address's type, which is 4 or 6.
func putAddressType(m memory, a args, get func() (netip.AddrPort, errno)) errno {
	if e := m.writable(a.u32(2), 4); e != errnoSuccess {
		return e
	}
	var kind uint32
	e := putAddress(m, a.u32(1), a.u32(3), func() (netip.AddrPort, errno) {
		value, e := get()
		if kind = 4; value.Addr().Is6() {
			kind = 6
		}
		return value, e
	})
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(a.u32(2), kind)
}
