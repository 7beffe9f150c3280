package wasip1

import "golang.org/x/sys/unix"

// ioctlReadable asks for the number of bytes to read.
const ioctlReadable = unix.TIOCINQ

// openSocket returns a new TCP socket in non-blocking mode.
func openSocket(family int) (int, error) {
	return unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
}

// acceptSocket accepts a connection in non-blocking mode.
func acceptSocket(fd int) (int, unix.Sockaddr, error) {
	return unix.Accept4(fd, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}
