package hostnet

import "golang.org/x/sys/unix"

// ioctlReadable asks for the number of bytes to read, or the size of the next datagram.
const ioctlReadable = unix.TIOCINQ

func openSocket(family, kind int) (int, error) {
	return unix.Socket(family, kind|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
}

// acceptSocket accepts a connection in non-blocking mode.
func acceptSocket(listener int) (int, unix.Sockaddr, error) {
	return unix.Accept4(listener, unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC)
}
