package wasip1

import (
	"context"
	"errors"
	"math"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/network"
)

func addrinfoFunctions() []function {
	return []function{{"sock_getaddrinfo", "iiiiiiii", sockGetAddrinfo}}
}

// Errnos of sock_getaddrinfo alone, which WasmEdge adds to those of preview 1.
const (
	errnoAiAgain    errno = 78
	errnoAiBadflags errno = 79
	errnoAiFamily   errno = 81
	errnoAiMemory   errno = 82
	errnoAiNodata   errno = 83
	errnoAiNoname   errno = 84
	errnoAiService  errno = 85
	errnoAiSocktype errno = 86
)

// aiflags are hints for sock_getaddrinfo.
type aiflags uint16

const (
	aiPassive aiflags = 1 << iota
	aiCanonname
	aiNumericHost
	aiNumericService
	aiV4Mapped
	aiAll
	aiAddrconfig

	aiFlagsAll = aiPassive | aiCanonname | aiNumericHost | aiNumericService | aiV4Mapped | aiAll | aiAddrconfig
)

// Protocols of sock_getaddrinfo.
const (
	protocolIP = iota
	protocolTCP
	protocolUDP
)

// addrinfo is what is asked for.
type addrinfo struct {
	node, service string
	flags         aiflags
	family        uint8
	kind          uint8 // socket type
	protocol      uint8
}

// Sizes of the records of sock_getaddrinfo.
const (
	sizeAddrinfo = 28 // {flags u16, family u8, socktype u8, protocol u8, addrlen u32 at 8, *sockaddr, *canonname, canonnamelen u32, *next}
	sizeSockaddr = 12 // {family u8, len u32 at 4, *data}
	// The data of a sockaddr: a port (big endian) and an address. As in a sockaddr of POSIX there is padding after it.
	sizeData4  = 14
	leastData4 = 2 + sizeInet4
	sizeData6  = 26
	leastData6 = 2 + sizeInet6
)

const (
	maxNode    = 1024 // bytes of a name, with NUL (NI_MAXHOST is 1025)
	maxService = 32   // NI_MAXSERV
	// maxAddrinfo bounds the records that a call fills in.
	maxAddrinfo = 128
	// addrinfoCost is the cost of filling in one.
	addrinfoCost = 100
)

// sockGetAddrinfo: sock_getaddrinfo(node, node_len, service, service_len, *hints, **results, max_results, *nresults).
// *results is a list of records that the guest has made, with room for addresses. It is filled in from the front, and
// never beyond the room that the guest says there is.
func sockGetAddrinfo(p *Process, m memory, a args) errno {
	q, e := m.decodeAddrinfo(a)
	if e != errnoSuccess {
		return e
	}
	results, limit := a.u32(5), min(a.u32(6), maxAddrinfo)
	if e := m.writable(results, 4); e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(7), 4); e != errnoSuccess {
		return e
	}
	if limit < 1 {
		return errnoAiMemory
	}
	if e := q.check(); e != errnoSuccess {
		return e
	}
	port, e := q.port()
	if e != errnoSuccess {
		return e
	}
	addrs, e := p.resolveNode(q)
	if e != errnoSuccess {
		return e
	}
	n, e := p.putAddrinfos(m, results, limit, q, addrs, port)
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(a.u32(7), n)
}

func (m memory) decodeAddrinfo(a args) (q addrinfo, e errno) {
	if q.node, e = m.text(a.u32(0), a.u32(1), maxNode); e != errnoSuccess {
		return q, e
	}
	if q.service, e = m.text(a.u32(2), a.u32(3), maxService); e != errnoSuccess {
		return q, e
	}
	hints, e := m.bytes(a.u32(4), sizeAddrinfo)
	if e != errnoSuccess {
		return q, e
	}
	q.flags = aiflags(le.Uint16(hints))
	q.family, q.kind, q.protocol = hints[2], hints[3], hints[4]
	return q, errnoSuccess
}

// text returns a copy of the string at ptr, up to the first NUL.
func (m memory) text(ptr, n, limit uint32) (string, errno) {
	if n > limit {
		return "", errnoAiNoname
	}
	b, e := m.bytes(ptr, n)
	text, _, _ := strings.Cut(string(b), "\x00")
	return text, e
}

// check refuses what can't be asked for.
func (q *addrinfo) check() errno {
	switch {
	case q.node == "" && q.service == "":
		return errnoAiNoname
	case q.flags&^aiFlagsAll != 0, q.flags&aiCanonname != 0 && q.node == "":
		return errnoAiBadflags
	case q.family > afInet6:
		return errnoAiFamily
	case q.kind > sockStream, q.protocol > protocolUDP,
		q.kind == sockStream && q.protocol == protocolUDP, q.kind == sockDgram && q.protocol == protocolTCP:
		return errnoAiSocktype
	default:
		return errnoSuccess
	}
}

// services are names of ports. The host's own list is not read, so that guests do the same on every host.
var services = map[string]uint16{
	"domain": 53, "ftp": 21, "http": 80, "https": 443, "imap": 143, "imaps": 993, "ldap": 389, "ldaps": 636,
	"mysql": 3306, "ntp": 123, "pop3": 110, "pop3s": 995, "postgresql": 5432, "redis": 6379, "smtp": 25, "ssh": 22,
	"submission": 587, "telnet": 23,
}

// port returns the number of the service.
func (q *addrinfo) port() (uint16, errno) {
	if q.service == "" {
		return 0, errnoSuccess
	}
	if n, err := strconv.ParseUint(q.service, 10, 32); err == nil {
		if n > math.MaxUint16 {
			return 0, errnoAiService
		}
		return uint16(n), errnoSuccess
	}
	if q.flags&aiNumericService != 0 {
		return 0, errnoAiNoname
	}
	port, ok := services[strings.ToLower(q.service)]
	if !ok {
		return 0, errnoAiService
	}
	return port, errnoSuccess
}

// resolveNode returns the addresses of the node.
func (p *Process) resolveNode(q addrinfo) ([]netip.Addr, errno) {
	if q.node == "" {
		return q.local(), errnoSuccess
	}
	if _, literal := network.Literal(q.node); q.flags&aiNumericHost != 0 && !literal {
		return nil, errnoAiNoname
	}
	addrs, err := p.net().Resolve(&p.Call, [...]network.Family{network.AnyFamily, network.IPv4, network.IPv6}[q.family], q.node)
	if err == nil {
		return addrs, errnoSuccess
	}
	if cause := p.Err(); cause != nil {
		engine.Abort(cause)
	}
	return nil, errnoOfLookup(err)
}

// local returns the addresses of this host: those to bind to with aiPassive, otherwise those to connect to.
func (q *addrinfo) local() []netip.Addr {
	four, six := netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()
	if q.flags&aiPassive != 0 {
		four, six = netip.IPv4Unspecified(), netip.IPv6Unspecified()
	}
	switch q.family {
	case afInet4:
		return []netip.Addr{four}
	case afInet6:
		return []netip.Addr{six}
	default:
		return []netip.Addr{four, six}
	}
}

// errnoOfLookup translates an error of Network.Resolve. That a name is not granted has the errno that addresses have,
// since programs print that as "permission denied", and those of getaddrinfo as numbers.
func errnoOfLookup(err error) errno {
	if _, ok := errors.AsType[*network.NameError](err); ok {
		return errnoAiNoname
	}
	failed, ok := errors.AsType[*net.DNSError](err)
	switch {
	case ok && failed.IsNotFound:
		return errnoAiNoname
	case ok, errors.Is(err, context.DeadlineExceeded):
		return errnoAiAgain
	default:
		return errnoOf(err)
	}
}

// socketKind is a type of sockets, with its protocol.
type socketKind struct{ kind, protocol uint8 }

// kinds returns the types of sockets that are asked for.
func (q *addrinfo) kinds() []socketKind {
	stream, datagram := socketKind{sockStream, protocolTCP}, socketKind{sockDgram, protocolUDP}
	switch {
	case q.kind == sockStream, q.protocol == protocolTCP:
		return []socketKind{stream}
	case q.kind == sockDgram, q.protocol == protocolUDP:
		return []socketKind{datagram}
	default:
		return []socketKind{stream, datagram}
	}
}

// putAddrinfos fills in the list of at most limit records that results points to, and returns how many it has. Addresses
// for which a record has no room are left out: libraries that know only IPv4 have none for IPv6.
func (p *Process) putAddrinfos(m memory, results, limit uint32, q addrinfo, addrs []netip.Addr, port uint16) (n uint32, _ errno) {
	pointer, e := m.bytes(results, 4)
	if e != errnoSuccess {
		return 0, e
	}
	next := le.Uint32(pointer)
	for _, addr := range addrs {
		for _, kind := range q.kinds() {
			if n == limit || next == 0 {
				return n, errnoSuccess
			}
			p.charge(addrinfoCost)
			at := next
			fits, e := m.putAddrinfo(at, kind, netip.AddrPortFrom(addr, port), q)
			if e != errnoSuccess {
				return n, e
			}
			if !fits {
				continue
			}
			record, e := m.bytes(at, sizeAddrinfo)
			if e != errnoSuccess {
				return n, e
			}
			next = le.Uint32(record[24:])
			n++
		}
	}
	if n == 0 {
		return 0, errnoAiNodata
	}
	return n, errnoSuccess
}

// putAddrinfo fills in the record at ptr, and returns whether it has room for the address.
func (m memory) putAddrinfo(ptr uint32, kind socketKind, to netip.AddrPort, q addrinfo) (fits bool, _ errno) {
	record, e := m.bytes(ptr, sizeAddrinfo)
	if e != errnoSuccess {
		return false, e
	}
	sockaddr, e := m.bytes(le.Uint32(record[12:]), sizeSockaddr)
	if e != errnoSuccess {
		return false, e
	}
	least, full := uint32(leastData4), uint32(sizeData4)
	if to.Addr().Is6() {
		least, full = leastData6, sizeData6
	}
	size := min(le.Uint32(sockaddr[4:]), full)
	if size < least {
		return false, errnoSuccess
	}
	data, e := m.bytes(le.Uint32(sockaddr[8:]), size)
	if e != errnoSuccess {
		return false, e
	}
	name, e := m.bytes(le.Uint32(record[16:]), le.Uint32(record[20:]))
	if e != errnoSuccess {
		return false, e
	}
	family := uint8(familyOf(to.Addr()))
	record[2], record[3], record[4] = family, kind.kind, kind.protocol
	le.PutUint32(record[8:], full+2)
	le.PutUint32(record[20:], 0)
	if q.flags&aiCanonname != 0 && len(name) > len(q.node) {
		copy(name, q.node+"\x00")
		le.PutUint32(record[20:], uint32(len(q.node)))
	}
	sockaddr[0] = family
	le.PutUint32(sockaddr[4:], size)
	clear(data)
	data[0], data[1] = byte(to.Port()>>8), byte(to.Port())
	copy(data[2:], to.Addr().AsSlice())
	return true, errnoSuccess
}
