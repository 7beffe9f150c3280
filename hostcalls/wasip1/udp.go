package wasip1

import (
	"errors"
	"net/netip"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
)

// maxDatagram is more than the bytes of any datagram.
const maxDatagram = 1<<16 - 1

const udpRights = socketRights | rightFdRead | rightFdWrite

// udpSocket is a UDP socket of the process's network: one that was granted, or that the guest has opened.
type udpSocket struct {
	fdstat
	process  *Process
	udp      network.UDP
	family   network.Family
	timeouts timeouts
	waiting  [2]hostcalls.WaitStart // by network.Direction
}

func newUDPSocket(p *Process, udp network.UDP, family network.Family) *udpSocket {
	s := &udpSocket{process: p, udp: udp, family: family}
	s.filetype, s.base = filetypeSocketDgram, udpRights
	return s
}

func (s *udpSocket) close(p *Process, onClosed func()) {
	defer p.AddCostSince(time.Now())
	_ = s.udp.Close()
	onClosed()
}

func (s *udpSocket) socket() network.Socket { return s.udp }

func (s *udpSocket) addressFamily() network.Family { return s.family }

func (s *udpSocket) bind(p *Process, local netip.AddrPort) errno {
	defer p.AddCostSince(time.Now())
	return errnoOf(s.udp.Bind(local))
}

func (s *udpSocket) connect(p *Process, to netip.AddrPort) errno {
	defer p.AddCostSince(time.Now())
	return errnoOf(s.udp.Connect(to))
}

// read implements reader. As in POSIX, reading nothing leaves the datagram there, and receiving nothing drops it.
func (s *udpSocket) read(p *Process, v iovecs) (uint32, errno) {
	if v.total == 0 {
		return 0, errnoSuccess
	}
	n, _, e := s.receive(p, v, 0)
	return n, e
}

// receive implements conversation.
func (s *udpSocket) receive(p *Process, v iovecs, flags riflags) (uint32, roflags, errno) {
	n, _, out, e := s.receiveFrom(p, v, flags)
	return n, out, e
}

// receiveFrom waits for a datagram, unless the socket's flags have nonblock.
func (s *udpSocket) receiveFrom(p *Process, v iovecs, flags riflags) (n uint32, from netip.AddrPort, out roflags, _ errno) {
	due := dueIn(s.timeouts.receive)
	v = v.front(maxDatagram)
	for {
		p.charge(streamCost + int64(v.count)*iovecCost + copyCost(int(v.total)))
		n, from, truncated, err := s.tryReceive(p, v, flags&recvPeek != 0)
		switch {
		case err == nil:
			if truncated {
				out = recvDataTruncated
			}
			return n, from, out, errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || s.flags&fdflagNonblock != 0 || expired(due):
			return 0, from, 0, errnoOf(err)
		}
		p.await(due, hostcalls.Wait{Op: network.Op(s.udp, hostcalls.OpRead, network.In, int(v.total)), On: udpSide{s, network.In}})
	}
}

// tryReceive receives a datagram if there is one, into all buffers together.
func (s *udpSocket) tryReceive(p *Process, v iovecs, peek bool) (uint32, netip.AddrPort, bool, error) {
	defer p.AddCostSince(time.Now())
	if buf, ok := v.whole(); ok {
		n, from, truncated, err := s.udp.ReadFrom(buf, peek)
		s.waiting[network.In].Use(err)
		p.onSocketFailed(network.In, err)
		return uint32(n), from, truncated, err
	}
	buf := files.Borrow(v.total)
	defer buf.GiveBack()
	n, from, truncated, err := s.udp.ReadFrom(buf.Bytes, peek)
	s.waiting[network.In].Use(err)
	p.onSocketFailed(network.In, err)
	return uint32(v.scatter(buf.Bytes[:n])), from, truncated, err
}

func (s *udpSocket) write(p *Process, v iovecs) (uint32, errno) {
	return s.sendTo(p, v, netip.AddrPort{})
}

// sendTo sends one datagram, to the socket's peer if to is the zero AddrPort. It waits for room, unless flags has
// nonblock.
func (s *udpSocket) sendTo(p *Process, v iovecs, to netip.AddrPort) (uint32, errno) {
	if v.total > maxDatagram {
		return 0, errnoMsgsize
	}
	due := dueIn(s.timeouts.send)
	for {
		p.charge(streamCost + int64(v.count)*iovecCost + copyCost(int(v.total)))
		n, err := s.trySend(p, v, to)
		switch {
		case err == nil:
			return uint32(n), errnoSuccess
		case !errors.Is(err, hostcalls.ErrWouldBlock) || s.flags&fdflagNonblock != 0 || expired(due):
			return 0, errnoOf(err)
		}
		p.await(due, hostcalls.Wait{Op: network.Op(s.udp, hostcalls.OpWrite, network.Out, int(v.total)), On: udpSide{s, network.Out}})
	}
}

func (s *udpSocket) trySend(p *Process, v iovecs, to netip.AddrPort) (int, error) {
	defer p.AddCostSince(time.Now())
	if buf, ok := v.whole(); ok {
		n, err := s.udp.WriteTo(buf, to)
		s.waiting[network.Out].Use(err)
		p.onSocketFailed(network.Out, err)
		return n, err
	}
	buf := files.Borrow(v.total)
	defer buf.GiveBack()
	n, err := s.udp.WriteTo(buf.Bytes[:v.gather(buf.Bytes)], to)
	s.waiting[network.Out].Use(err)
	p.onSocketFailed(network.Out, err)
	return n, err
}

// shutdown implements conversation. A datagram socket has no end to tell.
func (s *udpSocket) shutdown(*Process, sdflags) errno { return errnoNotconn }

// udpSide notifies for one direction of a udpSocket.
type udpSide struct {
	*udpSocket
	direction network.Direction
}

func (d udpSide) Notify(ready func()) (stop func()) { return d.udp.Notify(d.direction, ready) }

func (s *udpSocket) notifier(t eventtype) hostcalls.Notifier { return udpSide{s, directionOf(t)} }

func (s *udpSocket) waitStart(t eventtype) *hostcalls.WaitStart { return &s.waiting[directionOf(t)] }

func (s *udpSocket) level(t eventtype) (nbytes uint64, hangup bool) {
	defer s.process.AddCostSince(time.Now())
	return levelFor(s.udp, t)
}

func (s *udpSocket) op(_ *Process, t eventtype) hostcalls.Op {
	if t == eventFdWrite {
		return network.Op(s.udp, hostcalls.OpWrite, network.Out, 0)
	}
	return network.Op(s.udp, hostcalls.OpRead, network.In, 0)
}
