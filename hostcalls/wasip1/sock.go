package wasip1

func sockFunctions() []function {
	return []function{
		{"sock_accept", "iii", sockAccept},
		{"sock_recv", "iiiiii", sockRecv},
		{"sock_send", "iiiii", sockSend},
		{"sock_shutdown", "ii", sockShutdown},
	}
}

// acceptor is a socket that may be listening.
type acceptor interface {
	descriptor
	listening() bool
	// accept waits for a connection, unless the socket's flags have nonblock. flags are those of the connection.
	accept(p *Process, flags fdflags) (descriptor, errno)
}

// conversation is a socket that may be connected.
type conversation interface {
	descriptor
	writer
	// receive reads bytes, or a datagram. v.total may be zero for a datagram only.
	receive(p *Process, v iovecs, flags riflags) (uint32, roflags, errno)
	shutdown(p *Process, how sdflags) errno
}

func isSocket(d descriptor) bool {
	t := d.stat().filetype
	return t == filetypeSocketStream || t == filetypeSocketDgram
}

func isListening(d descriptor) bool {
	a, ok := d.(acceptor)
	return ok && a.listening()
}

// sockAccept: sock_accept(fd, flags, *fd). The flags are those of the new descriptor; a socket has only
// nonblock.
func sockAccept(p *Process, m memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	l, ok := d.(acceptor)
	switch {
	case !isSocket(d):
		return errnoNotsock
	case !ok:
		return errnoNotsup
	case !l.listening():
		return errnoInval
	case d.stat().base&rightSockAccept == 0:
		return errnoNotcapable
	case a.u32(1)&^uint32(fdflagNonblock) != 0:
		return errnoInval
	case p.fds.full():
		return p.refuseDescriptor()
	}
	if e := m.writable(a.u32(2), 4); e != errnoSuccess {
		return e
	}
	c, e := l.accept(p, fdflags(a.u32(1)))
	if e != errnoSuccess {
		return e
	}
	return p.install(m, c, a.u32(2))
}

// sockRecv: sock_recv(fd, iovs, iovs_len, flags, *nread, *roflags).
func sockRecv(p *Process, m memory, a args) errno {
	c, e := p.conversation(a.u32(0), rightFdRead)
	if e != errnoSuccess {
		return e
	}
	flags := a.u32(3)
	if flags&^uint32(recvPeek|recvWaitall) != 0 {
		return errnoInval
	}
	if e := m.putUint16(a.u32(5), 0); e != errnoSuccess {
		return e
	}
	var out roflags
	e = p.transfer(c, m, a.u32(1), a.u32(2), a.u32(4), func(p *Process, v iovecs) (n uint32, e errno) {
		n, out, e = c.receive(p, v, riflags(flags))
		return n, e
	})
	if e != errnoSuccess || out == 0 {
		return e
	}
	return m.putUint16(a.u32(5), uint16(out))
}

// sockSend: sock_send(fd, iovs, iovs_len, flags, *nwritten). There are no flags.
func sockSend(p *Process, m memory, a args) errno {
	c, e := p.conversation(a.u32(0), rightFdWrite)
	if e != errnoSuccess {
		return e
	}
	if a.u32(3) != 0 {
		return errnoInval
	}
	return p.transfer(c, m, a.u32(1), a.u32(2), a.u32(4), c.write)
}

// sockShutdown: sock_shutdown(fd, how).
func sockShutdown(p *Process, _ memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	c, ok := d.(conversation)
	how := a.u32(1)
	switch {
	case !ok:
		return errnoNotsock
	case isListening(d):
		return errnoNotconn
	case d.stat().base&rightSockShutdown == 0 && d.stat().filetype == filetypeSocketStream:
		return errnoNotcapable
	case how == 0 || how&^uint32(shutdownRead|shutdownWrite) != 0:
		return errnoInval
	}
	return c.shutdown(p, sdflags(how))
}

// conversation returns the socket fd, which may be connected, if it has the rights need.
func (p *Process) conversation(fd uint32, need rights) (conversation, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	c, ok := d.(conversation)
	switch {
	case !ok:
		return nil, errnoNotsock
	case isListening(d):
		return nil, errnoNotconn
	}
	if _, e := p.descriptor(fd, need); e != errnoSuccess {
		return nil, e
	}
	return c, errnoSuccess
}

// readFull reads until v is full, the stream ends or fails, or, with nonblock, there is nothing more to read now.
// If an error follows bytes that were read, it returns their number, and the guest's next call meets the error.
func readFull(v iovecs, read func(iovecs) (uint32, errno)) (uint32, errno) {
	var total uint32
	for v.total > 0 {
		n, e := read(v)
		if e != errnoSuccess && total == 0 {
			return 0, e
		}
		if e != errnoSuccess || n == 0 {
			break
		}
		total += n
		v = v.after(n)
	}
	return total, errnoSuccess
}
