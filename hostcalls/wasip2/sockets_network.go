package wasip2

import (
	"encoding/binary"
	"net/netip"
	"strconv"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls/component"
	"github.com/reactord/reactord/hostcalls/network"
)

func socketsNetwork() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/network", Version: version,
		Types: `
			use wasi:io/error.{error};
			resource network;
			enum error-code {
				unknown, access-denied, not-supported, invalid-argument, out-of-memory, timeout, concurrency-conflict,
				not-in-progress, would-block, invalid-state, new-socket-limit, address-not-bindable, address-in-use,
				remote-unreachable, connection-refused, connection-reset, connection-aborted, datagram-too-large,
				name-unresolvable, temporary-resolver-failure, permanent-resolver-failure,
			}
			enum ip-address-family { ipv4, ipv6 }
			type ipv4-address = tuple<u8, u8, u8, u8>;
			type ipv6-address = tuple<u16, u16, u16, u16, u16, u16, u16, u16>;
			variant ip-address { ipv4(ipv4-address), ipv6(ipv6-address) }
			record ipv4-socket-address { port: u16, address: ipv4-address }
			record ipv6-socket-address { port: u16, flow-info: u32, address: ipv6-address, scope-id: u32 }
			variant ip-socket-address { ipv4(ipv4-socket-address), ipv6(ipv6-socket-address) }
		`,
		Functions: []component.Function{
			function("network-error-code", "func(err: borrow<error>) -> option<error-code>", networkErrorCode),
		},
		// There is one network, which has no state of its own.
		Resources: []component.Resource{{Name: "network", Drop: func(*component.Call, uint32) {}}},
	}
}

func socketsInstanceNetwork() component.Interface {
	return component.Interface{
		Name: "wasi:sockets/instance-network", Version: version,
		Types: `use wasi:sockets/network.{network};`,
		Functions: []component.Function{
			function("instance-network", "func() -> network", func(c call) { c.Results.Own(0) }),
		},
	}
}

// networkErrorCode: network-error-code. Errors of streams that are none of sockets have no code.
func networkErrorCode(c call) {
	e := c.errors.Get(c.Args.Borrow())
	if !e.ofSocket {
		c.Results.None()
		return
	}
	c.Results.Some()
	c.Results.Enum(socketCodeOf(e.err))
}

// The cases of ip-address-family, ip-address and ip-socket-address.
const (
	ipv4 = iota
	ipv6
)

// familyOf returns the family of a case of ip-address-family.
func familyOf(n int) network.Family {
	if n == ipv6 {
		return network.IPv6
	}
	return network.IPv4
}

// caseOf returns the case of ip-address-family.
func caseOf(f network.Family) int {
	if f == network.IPv6 {
		return ipv6
	}
	return ipv4
}

// socketAddress reads an ip-socket-address.
func socketAddress(r *cabi.Reader) netip.AddrPort {
	kind := r.Variant()
	at := r.Record()
	port := at.U16()
	if kind == ipv4 {
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

// putSocketAddress writes an ip-socket-address.
func putSocketAddress(w *cabi.Writer, a netip.AddrPort) {
	if a.Addr().Is4() {
		w.Variant(ipv4)
		at := w.Record()
		at.U16(a.Port())
		putIPv4(at, a.Addr())
		return
	}
	w.Variant(ipv6)
	at := w.Record()
	at.U16(a.Port())
	at.U32(0)
	putIPv6(at, a.Addr())
	at.U32(0)
}

// putAddress writes an ip-address.
func putAddress(w *cabi.Writer, a netip.Addr) {
	if a.Is4() {
		w.Variant(ipv4)
		putIPv4(w, a)
		return
	}
	w.Variant(ipv6)
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

// unspecified is any port of every address of a family: the address of a socket whose port is chosen later.
func unspecified(f network.Family) netip.AddrPort {
	if f == network.IPv6 {
		return netip.AddrPortFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.AddrPortFrom(netip.IPv4Unspecified(), 0)
}

// isOf reports whether an address is one of a single machine that a socket of a family can have. An address of IPv4 that is
// written as one of IPv6 is not.
func isOf(a netip.AddrPort, f network.Family) bool {
	addr := a.Addr()
	return addr.Is4() == (f == network.IPv4) && !addr.Is4In6() && !addr.IsMulticast() && addr != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// isPeer reports whether an address is also one that a socket can be connected to.
func isPeer(a netip.AddrPort, f network.Family) bool {
	return isOf(a, f) && !a.Addr().IsUnspecified() && a.Port() != 0
}
