package network

import (
	"errors"
	"fmt"
	"syscall"
)

// Errors of sockets, besides those of the system (syscall.Errno), hostcalls.ErrWouldBlock and io.EOF.
var (
	// ErrClosed: the socket has been closed.
	ErrClosed = errors.New("network: the socket is closed")
	// ErrRevoked: the grant by which it was opened has been revoked.
	ErrRevoked = errors.New("network: the grant was revoked")
	// ErrNotGranted: no grant covers what was to be opened.
	ErrNotGranted = errors.New("network: no grant covers it")
	// ErrUnknownOption: the socket does not have such an option.
	ErrUnknownOption = errors.New("network: unknown option")
	// ErrQuota: the workload has sent or received as many bytes as it may.
	ErrQuota = errors.New("network: more bytes than the workload may send or receive")
	// ErrTooManySockets: the process has as many sockets open as it may, or no memory for another one.
	ErrTooManySockets = errors.New("network: more sockets than the process may have")
	// ErrTruncated: the peer ended a connection with TLS without ending TLS, so bytes may be missing. To guests it is a
	// connection that was reset.
	ErrTruncated = fmt.Errorf("network: the peer has ended the connection in the middle of TLS: %w", syscall.ECONNRESET)
)

// NameError says why a text is not the name of a host.
type NameError struct {
	Name   string
	Reason string
}

func (e *NameError) Error() string {
	return fmt.Sprintf("%q is not the name of a host: %s", e.Name, e.Reason)
}
