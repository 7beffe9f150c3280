package wasip1

import (
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

func sockFunctions() []function {
	return []function{
		{"sock_accept", "iii", sockAccept},
		{"sock_recv", "iiiiii", sockRecv},
		{"sock_send", "iiiii", sockSend},
		{"sock_shutdown", "ii", sockShutdown},
	}
}

// sockAccept: sock_accept(fd, flags, *fd). The flags are those of the new descriptor; a socket has only
// nonblock.
func sockAccept(p *Process, m memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	l, ok := d.(*listener)
	switch {
	case !ok && d.stat().filetype == filetypeSocketStream:
		return errnoInval
	case !ok:
		return errnoNotsock
	case l.base&rightSockAccept == 0:
		return errnoNotcapable
	case a.u32(1)&^uint32(fdflagNonblock) != 0:
		return errnoInval
	case p.fds.full():
		return p.refuseDescriptor()
	}
	if e := m.writable(a.u32(2), 4); e != errnoSuccess {
		return e
	}
	c, e := l.accept(p)
	if e != errnoSuccess {
		return e
	}
	c.flags = fdflags(a.u32(1))
	c.holdBy(l.grant.lease, nil)
	fd, e := p.fds.add(c)
	if e != errnoSuccess {
		p.discard(c)
		return e
	}
	return m.putUint32(a.u32(2), fd)
}

// sockRecv: sock_recv(fd, iovs, iovs_len, flags, *nread, *roflags).
func sockRecv(p *Process, m memory, a args) errno {
	c, e := p.connection(a.u32(0), rightFdRead)
	if e != errnoSuccess {
		return e
	}
	flags := a.u32(3)
	if flags&^uint32(recvPeek|recvWaitall) != 0 {
		return errnoInval
	}
	// A stream never truncates: there is no flag to report.
	if e := m.putUint16(a.u32(5), 0); e != errnoSuccess {
		return e
	}
	return p.transfer(m, a.u32(1), a.u32(2), a.u32(4), func(p *Process, v iovecs) (uint32, errno) {
		switch riflags(flags) {
		case recvPeek, recvPeek | recvWaitall:
			return p.readStream(c.peeking(), v, c.flags, network.Op(c.tcp, hostcalls.OpRead, network.In, 0))
		case recvWaitall:
			return c.readFull(p, v)
		default:
			return c.read(p, v)
		}
	})
}

// sockSend: sock_send(fd, iovs, iovs_len, flags, *nwritten). There are no flags.
func sockSend(p *Process, m memory, a args) errno {
	c, e := p.connection(a.u32(0), rightFdWrite)
	if e != errnoSuccess {
		return e
	}
	if a.u32(3) != 0 {
		return errnoInval
	}
	return p.transfer(m, a.u32(1), a.u32(2), a.u32(4), c.write)
}

// sockShutdown: sock_shutdown(fd, how).
func sockShutdown(p *Process, _ memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	c, ok := d.(*connection)
	how := a.u32(1)
	switch {
	case d.stat().filetype != filetypeSocketStream:
		return errnoNotsock
	case !ok:
		return errnoNotconn
	case c.base&rightSockShutdown == 0:
		return errnoNotcapable
	case how == 0 || how&^uint32(shutdownRead|shutdownWrite) != 0:
		return errnoInval
	}
	return errnoOf(c.shutdown(sdflags(how)))
}

// connection returns the connected socket fd if it has the rights need.
func (p *Process) connection(fd uint32, need rights) (*connection, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	c, ok := d.(*connection)
	switch {
	case d.stat().filetype != filetypeSocketStream:
		return nil, errnoNotsock
	case !ok:
		return nil, errnoNotconn
	}
	if _, e := p.descriptor(fd, need); e != errnoSuccess {
		return nil, e
	}
	return c, errnoSuccess
}

func (c *connection) read(p *Process, v iovecs) (uint32, errno) {
	return p.readStream(c.reading(), v, c.flags, network.Op(c.tcp, hostcalls.OpRead, network.In, 0))
}

func (c *connection) write(p *Process, v iovecs) (uint32, errno) {
	return p.writeStream(c.writing(), v, c.flags, network.Op(c.tcp, hostcalls.OpWrite, network.Out, 0))
}

// readFull reads until v is full, the stream ends or fails, or, with nonblock, there is nothing more to read now.
// If an error follows bytes that were read, it returns their number, and the guest's next call meets the error.
func (c *connection) readFull(p *Process, v iovecs) (uint32, errno) {
	var total uint32
	for v.total > 0 {
		n, e := c.read(p, v)
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

// accept waits for a connection, unless the listener's flags say not to.
func (l *listener) accept(p *Process) (*connection, errno) {
	for {
		c, err := l.tryAccept(p)
		e := errnoOf(err)
		switch {
		case e == errnoSuccess:
			return c, e
		case e == errnoMfile:
			return nil, errnoNfile // the host, not this process, has too many
		case e != errnoAgain || l.flags&fdflagNonblock != 0:
			return nil, e
		}
		p.await(time.Time{}, hostcalls.Wait{Op: network.Op(l.tcp, hostcalls.OpAccept, network.In, 0), On: l.accepting()})
	}
}
