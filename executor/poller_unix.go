//go:build unix

package executor

import (
	"os"
	"sync"
	"syscall"
)

// poller makes the Go scheduler poll the network. See yielder.
type poller struct {
	mu         sync.Mutex // held by the goroutine that polls
	read       *os.File
	write      *os.File
	readEnd    syscall.RawConn
	writeEnd   syscall.RawConn
	written    bool
	step, send func(fd uintptr) bool
}

func (p *poller) open() error {
	var err error
	if p.read, p.write, err = os.Pipe(); err != nil {
		return err
	}
	if p.readEnd, err = p.read.SyscallConn(); err != nil {
		return err
	}
	if p.writeEnd, err = p.write.SyscallConn(); err != nil {
		return err
	}
	p.step, p.send = p.stepOnce, p.sendByte
	return nil
}

// close may be called more than once, but not while a goroutine polls.
func (p *poller) close() {
	_ = p.read.Close()
	_ = p.write.Close()
}

// poll returns once the network has been polled, or returns false at once if another goroutine is
// already polling.
func (p *poller) poll() bool {
	if !p.mu.TryLock() {
		return false
	}
	defer p.mu.Unlock()
	p.written = false
	return p.readEnd.Read(p.step) == nil
}

// stepOnce is the callback of RawConn.Read on the pipe's read end. The first call writes a byte and
// reports that the end was not readable. The second call, after the poller has reported the byte,
// reads it.
func (p *poller) stepOnce(fd uintptr) bool {
	if !p.written {
		p.written = true
		return p.writeEnd.Write(p.send) != nil
	}
	var b [1]byte
	_, err := syscall.Read(int(fd), b[:])
	return err != syscall.EAGAIN
}

func (p *poller) sendByte(fd uintptr) bool {
	_, err := syscall.Write(int(fd), []byte{0})
	return err != syscall.EAGAIN
}
