package wasi

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// SocketCode is an error-code of wasi:sockets/network of WASI 0.2, as an error.
type SocketCode int

func (SocketCode) Error() string { return "socket error" }

// The cases of error-code.
const (
	SockUnknown SocketCode = iota
	SockAccessDenied
	SockNotSupported
	SockInvalidArgument
	SockOutOfMemory
	SockTimeout
	SockConcurrencyConflict
	SockNotInProgress
	SockWouldBlock
	SockInvalidState
	SockNewSocketLimit
	SockAddressNotBindable
	SockAddressInUse
	SockRemoteUnreachable
	SockConnectionRefused
	SockConnectionReset
	SockConnectionAborted
	SockDatagramTooLarge
	SockNameUnresolvable
	SockTemporaryResolverFailure
	SockPermanentResolverFailure
)

// socketCodes are the codes of the system's errors.
var socketCodes = map[syscall.Errno]SocketCode{
	syscall.EACCES: SockAccessDenied, syscall.EPERM: SockAccessDenied, syscall.ENOTSUP: SockNotSupported,
	syscall.ENOPROTOOPT: SockNotSupported, syscall.EPROTONOSUPPORT: SockNotSupported,
	syscall.ENOSYS: SockNotSupported, syscall.EINVAL: SockInvalidArgument, syscall.EAFNOSUPPORT: SockInvalidArgument,
	syscall.EDESTADDRREQ: SockInvalidArgument, syscall.ENOMEM: SockOutOfMemory, syscall.ENOBUFS: SockOutOfMemory,
	syscall.ETIMEDOUT: SockTimeout, syscall.EALREADY: SockConcurrencyConflict, syscall.EAGAIN: SockWouldBlock,
	syscall.ENOTCONN: SockInvalidState, syscall.EISCONN: SockInvalidState, syscall.EMFILE: SockNewSocketLimit,
	syscall.ENFILE: SockNewSocketLimit, syscall.EADDRNOTAVAIL: SockAddressNotBindable, syscall.EADDRINUSE: SockAddressInUse,
	syscall.EHOSTUNREACH: SockRemoteUnreachable, syscall.EHOSTDOWN: SockRemoteUnreachable, syscall.ENETUNREACH: SockRemoteUnreachable,
	syscall.ENETDOWN: SockRemoteUnreachable, syscall.ENETRESET: SockRemoteUnreachable, syscall.ECONNREFUSED: SockConnectionRefused,
	syscall.ECONNRESET: SockConnectionReset, syscall.EPIPE: SockConnectionReset, syscall.ECONNABORTED: SockConnectionAborted,
	syscall.EMSGSIZE: SockDatagramTooLarge,
}

// SocketCodeOf returns the code of an error of package network. What is not granted, or not any more, is denied; so is what a
// limit of the workload forbids, since no code says that.
func SocketCodeOf(err error) SocketCode {
	if code, ok := errors.AsType[SocketCode](err); ok {
		return code
	}
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		if code == syscall.EOPNOTSUPP { // on some systems it is ENOTSUP
			return SockNotSupported
		}
		return socketCodes[code]
	}
	for _, known := range []struct {
		err  error
		code SocketCode
	}{
		{network.ErrNotGranted, SockAccessDenied},
		{network.ErrRevoked, SockAccessDenied},
		{network.ErrQuota, SockAccessDenied},
		{network.ErrTooManySockets, SockNewSocketLimit},
		{network.ErrClosed, SockInvalidState},
		{network.ErrUnknownOption, SockNotSupported},
		{hostcalls.ErrWouldBlock, SockWouldBlock},
		{hostcalls.ErrBrokenPipe, SockConnectionReset},
		{os.ErrDeadlineExceeded, SockTimeout},
	} {
		if errors.Is(err, known.err) {
			return known.code
		}
	}
	return SockUnknown
}

// LookupCodeOf returns the code of an error of a lookup.
func LookupCodeOf(err error) SocketCode {
	if failed, ok := errors.AsType[*net.DNSError](err); ok {
		if failed.IsNotFound {
			return SockNameUnresolvable
		}
		return SockTemporaryResolverFailure
	}
	switch {
	case errors.Is(err, network.ErrNotGranted), errors.Is(err, network.ErrRevoked):
		return SockAccessDenied
	case errors.Is(err, hostcalls.ErrWouldBlock):
		return SockWouldBlock
	case errors.Is(err, context.DeadlineExceeded):
		return SockTemporaryResolverFailure
	}
	if _, ok := errors.AsType[*network.NameError](err); ok {
		return SockInvalidArgument
	}
	return SocketCodeOf(err)
}
