//go:build unix

package driver

import (
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// duplicates is the poller of systems that have no other here: it waits by Go's own poller.
//
//  1. When a wait begins for a direction, it asks the system whether the descriptor is ready. If it is not, it
//     duplicates the descriptor and registers the duplicate with Go's poller, as a file of its own: Go's poller knows
//     no descriptors that it does not own.
//  2. A goroutine waits for the duplicate. Go's poller reports edges, so the goroutine asks the system before it waits,
//     and again after each edge.
//  3. When the last wait of the direction has ended, the duplicate is closed, which ends the goroutine.
type duplicates struct {
	driver     *Driver
	duplicate  func(fd int) (*os.File, syscall.RawConn, error) // open, except in tests
	goroutines sync.WaitGroup

	mu     sync.Mutex // guards the fields below; taken after a Source's
	all    map[*duplicate]struct{}
	closed bool
}

// duplicate is a wait for one direction of a Source.
type duplicate struct {
	file  *os.File
	retry Timer // instead of file, when the system has no descriptors left
}

// retryAfter is when a wait ends for which there was no descriptor.
const retryAfter = 10 * time.Millisecond

func newDuplicates(d *Driver) *duplicates {
	return &duplicates{driver: d, duplicate: open, all: map[*duplicate]struct{}{}}
}

func (p *duplicates) register(*Source) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	return nil
}

func (p *duplicates) unregister(*Source) {}
func (p *duplicates) poll() (more bool)  { return false }

func (p *duplicates) arm(s *Source, dir Direction) {
	if s.armed[dir] != nil {
		return
	}
	if isReady(s.fd, dir) {
		s.onEventLocked(1 << dir)
		return
	}
	d := &duplicate{}
	s.armed[dir] = d
	file, raw, err := p.duplicate(s.fd)
	if err != nil {
		d.retry.Init(func(time.Time) { p.complete(s, dir, d) })
		p.driver.Start(&d.retry, time.Now().Add(retryAfter))
		return
	}
	d.file = file
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = file.Close()
		return
	}
	p.all[d] = struct{}{}
	p.goroutines.Go(func() { p.run(s, dir, d, raw) })
}

func (p *duplicates) disarm(s *Source, dir Direction) {
	d := s.armed[dir]
	if d == nil {
		return
	}
	s.armed[dir] = nil
	if d.file == nil {
		p.driver.Stop(&d.retry)
		return
	}
	_ = d.file.Close()
}

func (p *duplicates) run(s *Source, dir Direction, d *duplicate, raw syscall.RawConn) {
	ask := func(fd uintptr) bool { return isReady(int(fd), dir) }
	if dir == Readable {
		_ = raw.Read(ask) // failed counts as ready
	} else {
		_ = raw.Write(ask)
	}
	p.mu.Lock()
	delete(p.all, d)
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		p.complete(s, dir, d)
	}
}

// complete reports an event, unless d was disarmed.
func (p *duplicates) complete(s *Source, dir Direction, d *duplicate) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed[dir] == d {
		s.onEventLocked(1 << dir)
	}
}

func (p *duplicates) close() {
	p.mu.Lock()
	p.closed = true
	for d := range p.all {
		_ = d.file.Close()
	}
	p.mu.Unlock()
	p.goroutines.Wait()
}

// open returns a file for a duplicate of fd. The duplicate shares fd's non-blocking mode, so it is polled.
func open(fd int) (*os.File, syscall.RawConn, error) {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, nil, os.NewSyscallError("fcntl", err)
	}
	file := os.NewFile(uintptr(dup), "wait")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return nil, nil, err
	}
	return file, raw, nil
}

// isReady asks the system whether fd is ready, without blocking. Errors count as ready.
func isReady(fd int, dir Direction) bool {
	fds := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if dir == Writable {
		fds[0].Events = unix.POLLOUT
	}
	for {
		n, err := unix.Poll(fds, 0)
		if err != unix.EINTR {
			return n != 0
		}
	}
}
