package wasip2

import (
	"errors"
	"io"
	"slices"
	"syscall"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

// connection is a connected TCP socket. The tcp-socket and its two streams share it; it is closed when the last of them is
// dropped and all is sent.
//
// What the socket does not take of a write waits here, in at most wasi.MaxPiece bytes, and goes out with the next waits of the
// component: see host.await. Nothing more can be written until then.
type connection struct {
	host   *host
	tcp    network.TCP
	uses   int
	unsent []byte // in host.unsent if there are any
	held   int64  // bytes of memory that they are counted as
	failed error  // why they could not be sent, until the component is told
	ending bool   // the sending direction is to be shut down when all is sent
	ended  [2]bool
	starts [2]hostcalls.WaitStart // by network.Direction
}

func (h *host) connect(tcp network.TCP) *connection { return &connection{host: h, tcp: tcp} }

func (s *connection) use() *connection {
	s.uses++
	return s
}

// drop ends a use.
func (s *connection) drop() {
	if s.uses--; s.uses == 0 && len(s.unsent) == 0 {
		s.close()
	}
}

// close closes the socket, whatever is not sent.
func (s *connection) close() {
	s.host.closeSocket(s.tcp)
}

// sendOp is the operation that waits for room for what is not sent.
func (s *connection) sendOp() hostcalls.Op {
	return network.Op(s.tcp, hostcalls.OpWrite, network.Out, len(s.unsent))
}

// send writes once.
func (s *connection) send(p []byte) (int, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, err := s.tcp.Write(p)
	s.starts[network.Out].Use(err)
	s.host.Refused().SocketFailed(s.host.hostcall(), s.host.Net(), network.Out, err)
	if errors.Is(err, hostcalls.ErrWouldBlock) {
		err = nil
	}
	return n, err
}

// keep keeps what was not sent for later, as memory of the component.
func (s *connection) keep(p []byte) error {
	if !s.host.store.Hold(int64(len(p))) {
		return syscall.ENOBUFS
	}
	s.held, s.unsent = int64(len(p)), slices.Clone(p)
	s.host.unsent = append(s.host.unsent, s)
	return nil
}

// sendRest sends what is left, as far as that is possible now. It reports whether nothing is left.
func (s *connection) sendRest() bool {
	for len(s.unsent) > 0 {
		n, err := s.send(s.unsent)
		if err != nil {
			s.failed, s.unsent = err, nil
			break
		}
		if n == 0 {
			return false
		}
		s.unsent = s.unsent[n:]
	}
	s.host.store.Free(s.held)
	s.held, s.unsent = 0, nil
	if s.ending {
		s.ending = false
		s.failed = errors.Join(s.failed, s.tcp.Shutdown(false, true))
	}
	if s.uses == 0 {
		s.close()
	}
	return true
}

// sendUnsent sends what connections have left.
func (h *host) sendUnsent() {
	h.unsent = slices.DeleteFunc(h.unsent, (*connection).sendRest)
}

// shutdown ends directions. What was written is sent before.
func (s *connection) shutdown(read, write bool) error {
	defer s.host.store.AddCostSince(time.Now())
	s.ended[network.In] = s.ended[network.In] || read
	s.ended[network.Out] = s.ended[network.Out] || write
	if write && len(s.unsent) > 0 {
		s.ending, write = true, false
	}
	if !read && !write {
		return nil
	}
	return s.tcp.Shutdown(read, write)
}

// level reports whether the socket is ready in a direction.
func (s *connection) level(d network.Direction) bool {
	defer s.host.store.AddCostSince(time.Now())
	n, hangup := s.tcp.Level(d)
	return n > 0 || hangup
}

// received is the reading side of a connection, an input.
type received struct{ *connection }

var _ input = received{}

func (s received) Notify(ready func()) (stop func()) {
	if s.ended[network.In] {
		ready()
		return func() {}
	}
	return s.tcp.Notify(network.In, ready)
}

func (s received) ready() bool                   { return s.ended[network.In] || s.level(network.In) }
func (s received) op() hostcalls.Op              { return network.Op(s.tcp, hostcalls.OpRead, network.In, 0) }
func (s received) waiting() *hostcalls.WaitStart { return &s.starts[network.In] }
func (s received) close()                        { s.drop() }

func (s received) read(_ call, n uint32) (files.Buffer, int, error) {
	if s.ended[network.In] {
		return files.Buffer{}, 0, io.EOF
	}
	return readInto(s, n)
}

// Read implements io.Reader.
func (s received) Read(p []byte) (int, error) {
	defer s.host.store.AddCostSince(time.Now())
	n, err := s.tcp.Read(p, false)
	s.starts[network.In].Use(err)
	s.host.Refused().SocketFailed(s.host.hostcall(), s.host.Net(), network.In, err)
	return n, err
}

// sent is the writing side of a connection, an output.
type sent struct{ *connection }

var _ output = sent{}

func (s sent) Notify(ready func()) (stop func()) {
	if s.over() {
		ready()
		return func() {}
	}
	return s.tcp.Notify(network.Out, ready)
}

// over reports whether the next operation meets an error.
func (s sent) over() bool { return s.failed != nil || s.ended[network.Out] }

func (s sent) ready() bool {
	return s.over() || len(s.unsent) == 0 && s.level(network.Out)
}

func (s sent) op() hostcalls.Op              { return network.Op(s.tcp, hostcalls.OpWrite, network.Out, 0) }
func (s sent) waiting() *hostcalls.WaitStart { return &s.starts[network.Out] }
func (s sent) close()                        { s.drop() }

// fault returns why nothing more can be written.
func (s sent) fault() error {
	switch {
	case s.failed != nil:
		err := s.failed
		s.failed, s.ended[network.Out] = nil, true
		return err
	case s.ended[network.Out]:
		return errClosed
	}
	return nil
}

func (s sent) room(call) (int, error) {
	s.host.sendUnsent()
	if err := s.fault(); err != nil {
		return 0, err
	}
	if len(s.unsent) > 0 || !s.level(network.Out) {
		return 0, nil
	}
	return wasi.MaxPiece, nil
}

func (s sent) write(_ call, p []byte) error {
	if err := s.fault(); err != nil {
		return err
	}
	n, err := 0, error(nil)
	if len(s.unsent) == 0 {
		n, err = s.send(p)
	}
	if err == nil && n < len(p) {
		return s.keep(p[n:])
	}
	return err
}

func (s sent) flush(call) (bool, error) {
	s.host.sendUnsent()
	if err := s.fault(); err != nil {
		return false, err
	}
	return len(s.unsent) == 0, nil
}
