package wasi

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/network"
)

// The cases of ip-address-family, ip-address and ip-socket-address.
const (
	IPv4 = iota
	IPv6
)

// FamilyOf returns the family of a case of ip-address-family.
func FamilyOf(n int) network.Family {
	if n == IPv6 {
		return network.IPv6
	}
	return network.IPv4
}

// CaseOf returns the case of ip-address-family.
func CaseOf(f network.Family) int {
	if f == network.IPv6 {
		return IPv6
	}
	return IPv4
}

// SocketAddress reads an ip-socket-address.
func SocketAddress(r *cabi.Reader) netip.AddrPort {
	kind := r.Variant()
	at := r.Record()
	port := at.U16()
	if kind == IPv4 {
		tuple := at.Record()
		return netip.AddrPortFrom(netip.AddrFrom4([4]byte{tuple.U8(), tuple.U8(), tuple.U8(), tuple.U8()}), port)
	}
	_ = at.U32() // the flow has no meaning here
	var bytes [16]byte
	tuple := at.Record()
	for i := range 8 {
		binary.BigEndian.PutUint16(bytes[2*i:], tuple.U16())
	}
	addr := netip.AddrFrom16(bytes)
	if scope := at.U32(); scope != 0 {
		addr = addr.WithZone(strconv.FormatUint(uint64(scope), 10))
	}
	return netip.AddrPortFrom(addr, port)
}

// PutSocketAddress writes an ip-socket-address.
func PutSocketAddress(w *cabi.Writer, a netip.AddrPort) {
	if a.Addr().Is4() {
		w.Variant(IPv4)
		at := w.Record()
		at.U16(a.Port())
		putIPv4(at, a.Addr())
		return
	}
	w.Variant(IPv6)
	at := w.Record()
	at.U16(a.Port())
	at.U32(0)
	putIPv6(at, a.Addr())
	at.U32(0)
}

// PutAddress writes an ip-address.
func PutAddress(w *cabi.Writer, a netip.Addr) {
	if a.Is4() {
		w.Variant(IPv4)
		putIPv4(w, a)
		return
	}
	w.Variant(IPv6)
	putIPv6(w, a)
}

func putIPv4(w *cabi.Writer, a netip.Addr) {
	tuple := w.Record()
	for _, b := range a.As4() {
		tuple.U8(b)
	}
}

func putIPv6(w *cabi.Writer, a netip.Addr) {
	tuple := w.Record()
	bytes := a.As16()
	for i := range 8 {
		tuple.U16(binary.BigEndian.Uint16(bytes[2*i:]))
	}
}

// Unspecified is any port of every address of a family: the address of a socket whose port is chosen later.
func Unspecified(f network.Family) netip.AddrPort {
	if f == network.IPv6 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

// IsOf reports whether an address is one of a single machine that a socket of a family can have. An address of IPv4 that is
// written as one of IPv6 is not.
func IsOf(a netip.AddrPort, f network.Family) bool {
	addr := a.Addr()
	return addr.Is4() == (f == network.IPv4) && !addr.Is4In6() && !addr.IsMulticast() && addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// IsPeer reports whether an address is also one that a socket can be connected to.
func IsPeer(a netip.AddrPort, f network.Family) bool {
	return IsOf(a, f) && !a.Addr().IsUnspecified() && a.Port() != 0
}
