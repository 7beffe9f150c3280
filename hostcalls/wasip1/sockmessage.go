package wasip1

import "net/netip"

func messageFunctions() []function {
	return []function{
		{"sock_recv_from", "iiiiiii", sockRecvFromAddress},
		{"sock_recv_from", "iiiiiiii", sockRecvFrom},
		{"sock_recv_from_v2", "iiiiiiii", sockRecvFrom},
		{"sock_send_to", "iiiiiii", sockSendTo},
		{"sock_send_to_v2", "iiiiiii", sockSendTo},
	}
}

// sockRecvFrom: sock_recv_from(fd, iovs, iovs_len, *address, flags, *port, *nread, *roflags). The port has 16 bits.
func sockRecvFrom(p *Process, m memory, a args) errno {
	return p.receiveFrom(m, received{
		fd: a.u32(0), iovs: a.u32(1), count: a.u32(2), address: a.u32(3), flags: a.u32(4),
		port: a.u32(5), hasPort: true, nread: a.u32(6), out: a.u32(7),
	})
}

// sockRecvFromAddress is sock_recv_from(fd, iovs, iovs_len, *address, flags, *nread, *roflags), of the first version.
func sockRecvFromAddress(p *Process, m memory, a args) errno {
	return p.receiveFrom(m, received{
		fd: a.u32(0), iovs: a.u32(1), count: a.u32(2), address: a.u32(3), flags: a.u32(4),
		nread: a.u32(5), out: a.u32(6),
	})
}

// received says what a call receives, and where its results go.
type received struct {
	fd, iovs, count, flags    uint32
	address, port, nread, out uint32 // pointers
	hasPort                   bool
}

func (p *Process) receiveFrom(m memory, r received) errno {
	s, e := p.conversation(r.fd, rightFdRead)
	if e != errnoSuccess {
		return e
	}
	if r.flags&^uint32(recvPeek|recvWaitall) != 0 {
		return errnoInval
	}
	v, e := p.buffers(m, r.iovs, r.count)
	if e != errnoSuccess {
		return e
	}
	if e := r.check(m); e != errnoSuccess {
		return e
	}
	n, from, out, e := receiveFrom(p, s, v, riflags(r.flags))
	if e != errnoSuccess {
		return e
	}
	return r.put(m, n, from, out)
}

// receiveFrom receives bytes or a datagram, and tells from whom.
func receiveFrom(p *Process, s conversation, v iovecs, flags riflags) (n uint32, from netip.AddrPort, out roflags, e errno) {
	if udp, ok := s.(*udpSocket); ok {
		return udp.receiveFrom(p, v, flags)
	}
	if v.total > 0 {
		n, out, e = s.receive(p, v, flags)
	}
	if a, ok := s.(netSocket); ok && e == errnoSuccess {
		from = a.socket().RemoteAddr()
	}
	return n, from, out, e
}

// check checks that the results can be written.
func (r *received) check(m memory) errno {
	if _, e := m.addressBuffer(r.address); e != errnoSuccess {
		return e
	}
	if r.hasPort {
		if e := m.writable(r.port, 2); e != errnoSuccess {
			return e
		}
	}
	if e := m.writable(r.nread, 4); e != errnoSuccess {
		return e
	}
	return m.writable(r.out, 2)
}

// put writes the results. The guest's buffers may have been where the record of the address was, so it is checked again.
func (r *received) put(m memory, n uint32, from netip.AddrPort, out roflags) errno {
	buf, e := m.addressBuffer(r.address)
	if e != errnoSuccess {
		return e
	}
	if e := encodeAddress(buf, from.Addr()); e != errnoSuccess {
		return e
	}
	if r.hasPort {
		if e := m.putUint16(r.port, from.Port()); e != errnoSuccess {
			return e
		}
	}
	if e := m.putUint32(r.nread, n); e != errnoSuccess {
		return e
	}
	return m.putUint16(r.out, uint16(out))
}

// sockSendTo: sock_send_to(fd, iovs, iovs_len, *address, port, flags, *nwritten). There are no flags. A stream has its
// peer already and ignores the address.
func sockSendTo(p *Process, m memory, a args) errno {
	s, e := p.conversation(a.u32(0), rightFdWrite)
	if e != errnoSuccess {
		return e
	}
	if a.u32(5) != 0 {
		return errnoInval
	}
	udp, ok := s.(*udpSocket)
	if !ok {
		return p.transfer(s, m, a.u32(1), a.u32(2), a.u32(6), s.write)
	}
	to, e := m.address(a.u32(3), a.u32(4))
	if e != errnoSuccess {
		return e
	}
	v, e := p.buffers(m, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(6), 4); e != errnoSuccess {
		return e
	}
	n, e := udp.sendTo(p, v, to)
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(a.u32(6), n)
}
