package wasip2

import (
	"context"
	"errors"
	"net"
	"os"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// socketCode is an error-code of wasi:sockets/network, as an error.
type socketCode int

func (socketCode) Error() string { return "socket error" }

// The cases of error-code.
const (
	sockUnknown socketCode = iota
	sockAccessDenied
	sockNotSupported
	sockInvalidArgument
	sockOutOfMemory
	sockTimeout
	sockConcurrencyConflict
	sockNotInProgress
	sockWouldBlock
	sockInvalidState
	sockNewSocketLimit
	sockAddressNotBindable
	sockAddressInUse
	sockRemoteUnreachable
	sockConnectionRefused
	sockConnectionReset
	sockConnectionAborted
	sockDatagramTooLarge
	sockNameUnresolvable
	sockTemporaryResolverFailure
	sockPermanentResolverFailure
)

// sockCodes are the codes of the system's errors.
var sockCodes = map[syscall.Errno]socketCode{
	syscall.EACCES: sockAccessDenied, syscall.EPERM: sockAccessDenied, syscall.ENOTSUP: sockNotSupported,
	syscall.ENOPROTOOPT: sockNotSupported, syscall.EPROTONOSUPPORT: sockNotSupported,
	syscall.ENOSYS: sockNotSupported, syscall.EINVAL: sockInvalidArgument, syscall.EAFNOSUPPORT: sockInvalidArgument,
	syscall.EDESTADDRREQ: sockInvalidArgument, syscall.ENOMEM: sockOutOfMemory, syscall.ENOBUFS: sockOutOfMemory,
	syscall.ETIMEDOUT: sockTimeout, syscall.EALREADY: sockConcurrencyConflict, syscall.EAGAIN: sockWouldBlock,
	syscall.ENOTCONN: sockInvalidState, syscall.EISCONN: sockInvalidState, syscall.EMFILE: sockNewSocketLimit,
	syscall.ENFILE: sockNewSocketLimit, syscall.EADDRNOTAVAIL: sockAddressNotBindable, syscall.EADDRINUSE: sockAddressInUse,
	syscall.EHOSTUNREACH: sockRemoteUnreachable, syscall.EHOSTDOWN: sockRemoteUnreachable, syscall.ENETUNREACH: sockRemoteUnreachable,
	syscall.ENETDOWN: sockRemoteUnreachable, syscall.ENETRESET: sockRemoteUnreachable, syscall.ECONNREFUSED: sockConnectionRefused,
	syscall.ECONNRESET: sockConnectionReset, syscall.EPIPE: sockConnectionReset, syscall.ECONNABORTED: sockConnectionAborted,
	syscall.EMSGSIZE: sockDatagramTooLarge,
}

// socketCodeOf returns the code of an error of package network. What is not granted, or not any more, is denied; so is what a
// limit of the workload forbids, since no code says that.
func socketCodeOf(err error) int {
	if code, ok := errors.AsType[socketCode](err); ok {
		return int(code)
	}
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		if code == syscall.EOPNOTSUPP { // on some systems it is ENOTSUP
			return int(sockNotSupported)
		}
		return int(sockCodes[code])
	}
	for _, known := range []struct {
		err  error
		code socketCode
	}{
		{network.ErrNotGranted, sockAccessDenied},
		{network.ErrRevoked, sockAccessDenied},
		{network.ErrQuota, sockAccessDenied},
		{network.ErrTooManySockets, sockNewSocketLimit},
		{network.ErrClosed, sockInvalidState},
		{network.ErrUnknownOption, sockNotSupported},
		{hostcalls.ErrWouldBlock, sockWouldBlock},
		{hostcalls.ErrBrokenPipe, sockConnectionReset},
		{os.ErrDeadlineExceeded, sockTimeout},
	} {
		if errors.Is(err, known.err) {
			return int(known.code)
		}
	}
	return int(sockUnknown)
}

// lookupCodeOf returns the code of an error of a lookup.
func lookupCodeOf(err error) int {
	if failed, ok := errors.AsType[*net.DNSError](err); ok {
		if failed.IsNotFound {
			return int(sockNameUnresolvable)
		}
		return int(sockTemporaryResolverFailure)
	}
	switch {
	case errors.Is(err, network.ErrNotGranted), errors.Is(err, network.ErrRevoked):
		return int(sockAccessDenied)
	case errors.Is(err, hostcalls.ErrWouldBlock):
		return int(sockWouldBlock)
	case errors.Is(err, context.DeadlineExceeded):
		return int(sockTemporaryResolverFailure)
	}
	if _, ok := errors.AsType[*network.NameError](err); ok {
		return int(sockInvalidArgument)
	}
	return socketCodeOf(err)
}

// sockDone writes the result of an operation on sockets that has no value.
func (c call) sockDone(err error) {
	if !c.sockFailed(err) {
		c.Results.OK()
	}
}

// sockFailed writes an error, if there is one, as the result of an operation on sockets.
func (c call) sockFailed(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		c.handles.shortage()
	}
	c.Results.Err()
	c.Results.Enum(socketCodeOf(err))
	return true
}
