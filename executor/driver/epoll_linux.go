package driver

import (
	"os"
	"sync"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

func newPoller(d *Driver) (poller, error) { return newEpoll(d.onEvents) }

// epoll is the poller of Linux. Descriptors are registered once, edge-triggered, for both directions.
//
// Nobody blocks in epoll_wait. The epoll descriptor becomes readable when there are events, so Go's own poller watches
// it and wakes a goroutine, which holds no thread while it waits. It calls onEvents, or polls itself if that is nil. When
// guests keep every processor busy Go looks at its poller late, and then the executor's workers poll between quanta.
// Events are reported once, to whoever polls first; in which order two goroutines report events of one descriptor does
// not matter.
type epoll struct {
	onEvents func()
	file     *os.File
	fd       int
	watching sync.WaitGroup

	mu      sync.RWMutex // guards the fields below; held for reading while the system is asked
	closed  bool
	sources []*Source // by descriptor
}

const interest = unix.EPOLLIN | unix.EPOLLOUT | unix.EPOLLRDHUP | unix.EPOLLPRI | unix.EPOLLET

func newEpoll(onEvents func()) (*epoll, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	// Go's poller watches files that are in non-blocking mode.
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &epoll{onEvents: onEvents, file: os.NewFile(uintptr(fd), "epoll"), fd: fd}
	raw, err := p.file.SyscallConn()
	if err != nil {
		_ = p.file.Close()
		return nil, err
	}
	p.watching.Go(func() { p.watch(raw) })
	return p, nil
}

// watch learns of events, until the file is closed. Go's poller reports edges, and every event is one.
func (p *epoll) watch(raw syscall.RawConn) {
	_ = raw.Read(func(uintptr) bool {
		if p.onEvents != nil {
			p.onEvents()
			return false
		}
		for p.poll() {
		}
		return false
	})
}

func (p *epoll) register(s *Source) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return os.ErrClosed
	}
	event := unix.EpollEvent{Events: interest, Fd: int32(s.fd)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.fd, &event); err != nil {
		return os.NewSyscallError("epoll_ctl", err)
	}
	for len(p.sources) <= s.fd {
		p.sources = append(p.sources, nil)
	}
	p.sources[s.fd] = s
	return nil
}

func (p *epoll) unregister(s *Source) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, s.fd, nil)
	}
	p.sources[s.fd] = nil
}

func (*epoll) arm(*Source, Direction)    {}
func (*epoll) disarm(*Source, Direction) {}

// poll reports up to PollBatch events.
func (p *epoll) poll() (more bool) {
	var events [PollBatch]unix.EpollEvent
	var sources [PollBatch]*Source
	p.mu.RLock()
	if p.closed {
		p.mu.RUnlock()
		return false
	}
	n := epollWait(p.fd, &events)
	for i, e := range events[:n] {
		if fd := int(e.Fd); fd < len(p.sources) {
			sources[i] = p.sources[fd]
		}
	}
	p.mu.RUnlock()
	for i, e := range events[:n] {
		if s := sources[i]; s != nil {
			s.onEvent(meaning(e.Events))
		}
	}
	return n == PollBatch
}

// epollWait does not block, so Go's scheduler need not hear of the call.
func epollWait(fd int, events *[PollBatch]unix.EpollEvent) int {
	for {
		n, _, err := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(fd), uintptr(unsafe.Pointer(events)), PollBatch, 0, 0, 0)
		switch err {
		case 0:
			return int(n)
		case unix.EINTR:
			continue
		default:
			return 0
		}
	}
}

// meaning returns what an event tells.
func meaning(events uint32) Readiness {
	const failed = unix.EPOLLERR | unix.EPOLLHUP
	var bits Readiness
	if events&(unix.EPOLLIN|unix.EPOLLRDHUP|unix.EPOLLPRI|failed) != 0 {
		bits |= readable
	}
	if events&(unix.EPOLLOUT|failed) != 0 {
		bits |= writable
	}
	if events&(unix.EPOLLRDHUP|unix.EPOLLPRI|failed) != 0 {
		bits |= ending
	}
	return bits
}

// close ends the watching goroutine. Waits remain as they are.
func (p *epoll) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	_ = p.file.Close()
	p.watching.Wait()
}
