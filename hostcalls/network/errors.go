package network

import "errors"

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
	// ErrQuota: the workload has sent or received as many bytes as it may, or has as many sockets open.
	ErrQuota = errors.New("network: more than the workload may have")
)
