package hostnet

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// ioctlReadable asks for the number of bytes to read, or the size of the next datagram.
const ioctlReadable = unix.TIOCINQ

// bufferFactor is by how much a buffer is larger than the system was told: half of it is for the system's own records.
const bufferFactor = 2

func openSocket(family, kind int) (int, error) {
	return unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// acceptSocket accepts a connection in non-blocking mode.
func acceptSocket(listener int) (int, unix.Sockaddr, error) {
	return unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}

// receive and send move at most what a guest moves in one host call, which takes less time than a guest may compute at a
// stretch, and never block. So Go's scheduler need not hear of them: it would take the processor away from a goroutine
// whose system call takes 20 us, and wake a thread to use it.

func receive(fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
	return moved(n, errno)
}

func send(fd int, p []byte) (int, error) {
	n, _, errno := unix.RawSyscall6(unix.SYS_SENDTO, uintptr(fd),
		uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)), unix.MSG_NOSIGNAL, 0, 0)
	return moved(n, errno)
}

func moved(n uintptr, errno unix.Errno) (int, error) {
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}
