//go:build unix && !linux

package hostnet

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// ioctlReadable asks for the number of bytes to read, or the size of the next datagram.
const ioctlReadable = 0x4004667f // FIONREAD

// bufferFactor is by how much a buffer is larger than the system was told.
const bufferFactor = 1

func openSocket(family, kind int) (int, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, err := unix.Socket(family, kind, 0)
	if err != nil {
		return -1, err
	}
	return fd, configure(fd)
}

// acceptSocket accepts a connection in non-blocking mode.
func acceptSocket(listener int) (int, unix.Sockaddr, error) {
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	fd, peer, err := unix.Accept(listener)
	if err != nil {
		return -1, nil, err
	}
	return fd, peer, configure(fd)
}

func configure(fd int) error {
	unix.CloseOnExec(fd)
	if err := unix.SetNonblock(fd, true); err != nil {
		_ = unix.Close(fd)
		return err
	}
	return nil
}

func receive(fd int, p []byte) (int, error) { return unix.Read(fd, p) }

func send(fd int, p []byte) (int, error) { return unix.Write(fd, p) }
