package wasip1

import (
	"time"

	"github.com/reactord/reactord/hostcalls/network"
)

// The WasmEdge socket extension: functions in the module of preview 1 with which guests open sockets. Its specification
// is WasmEdge itself, and the libraries that use it. It has two versions. In the first an address is its 4 or 16 bytes;
// in the second it may also be 128 bytes that begin with the family. WasmEdge exports the second by names that end in
// _v2, but libraries import the plain names with the types of either version, so the type decides.

func openFunctions() []function {
	return []function{
		{"sock_open", "iii", sockOpen},
		{"sock_open_v2", "iii", sockOpen},
		{"sock_bind", "iii", sockBind},
		{"sock_bind_v2", "iii", sockBind},
		{"sock_connect", "iii", sockConnect},
		{"sock_connect_v2", "iii", sockConnect},
		{"sock_listen", "ii", sockListen},
		{"sock_listen_v2", "ii", sockListen},
		{"sock_accept", "ii", sockAcceptBlocking},
		{"sock_accept_v2", "iii", sockAccept},
		{"sock_recv_v2", "iiiiii", sockRecv},
		{"sock_send_v2", "iiiii", sockSend},
	}
}

// Address families and socket types of the extension.
const (
	afUnspec = iota
	afInet4
	afInet6
	afUnix
)

const (
	sockAny = iota
	sockDgram
	sockStream
)

// sockOpen: sock_open(family, type, *fd). Every process may open sockets; what they may reach is asked when they bind,
// connect and send.
func sockOpen(p *Process, m memory, a args) errno {
	var family network.Family
	switch a.u32(0) {
	case afInet4:
		family = network.IPv4
	case afInet6:
		family = network.IPv6
	default:
		return errnoAfnosupport
	}
	if a.u32(1) != sockStream && a.u32(1) != sockDgram {
		return errnoInval
	}
	if p.fds.full() {
		return p.refuseDescriptor()
	}
	if e := m.writable(a.u32(2), 4); e != errnoSuccess {
		return e
	}
	d, e := p.newSocket(family, a.u32(1))
	if e != errnoSuccess {
		return e
	}
	return p.install(m, d, a.u32(2))
}

// openCost is the cost of opening a socket.
const openCost = 10_000

func (p *Process) newSocket(family network.Family, kind uint32) (descriptor, errno) {
	p.charge(openCost)
	defer p.AddCostSince(time.Now())
	if kind == sockDgram {
		udp, err := p.net().UDP(family)
		if err != nil {
			return nil, p.noSocket(err)
		}
		return newUDPSocket(p, udp, family), errnoSuccess
	}
	tcp, err := p.net().TCP(family)
	if err != nil {
		return nil, p.noSocket(err)
	}
	s := newTCPSocket(tcp, p, tcpIdle, connectionRights|listenerRights, connectionRights)
	s.family = family
	return s, errnoSuccess
}

// sockBind: sock_bind(fd, *address, port).
func sockBind(p *Process, m memory, a args) errno {
	s, e := p.netSocket(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	local, e := m.address(a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	return s.bind(p, local)
}

// sockConnect: sock_connect(fd, *address, port).
func sockConnect(p *Process, m memory, a args) errno {
	s, e := p.netSocket(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	to, e := m.address(a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	return s.connect(p, to)
}

// sockListen: sock_listen(fd, backlog).
func sockListen(p *Process, _ memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	switch s, ok := d.(*tcpSocket); {
	case ok:
		return s.listen(p, int32(a.u32(1)))
	case isSocket(d):
		return errnoNotsup
	default:
		return errnoNotsock
	}
}

// sockAcceptBlocking is sock_accept(fd, *fd) of the extension's first version. The new descriptor has no flags.
func sockAcceptBlocking(p *Process, m memory, a args) errno {
	return sockAccept(p, m, args{a[0], 0, a[1]})
}
