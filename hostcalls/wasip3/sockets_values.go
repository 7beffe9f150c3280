package wasip3

import (
	"errors"
	"syscall"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasi"
)

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
		c.Handles.Shortage()
	}
	c.Results.Err()
	putSocketCode(&c.Results, err)
	return true
}

// The cases of error-code of wasi:sockets/types.
const (
	sockAccessDenied = iota
	sockNotSupported
	sockInvalidArgument
	sockOutOfMemory
	sockTimeout
	sockInvalidState
	sockAddressNotBindable
	sockAddressInUse
	sockRemoteUnreachable
	sockConnectionRefused
	sockConnectionBroken
	sockConnectionReset
	sockConnectionAborted
	sockDatagramTooLarge
	sockOther
)

// socketCodes are the codes of those of WASI 0.2. Any other is sockOther.
var socketCodes = map[wasi.SocketCode]int{
	wasi.SockAccessDenied: sockAccessDenied, wasi.SockNotSupported: sockNotSupported, wasi.SockInvalidArgument: sockInvalidArgument,
	wasi.SockOutOfMemory: sockOutOfMemory, wasi.SockTimeout: sockTimeout, wasi.SockConcurrencyConflict: sockInvalidState,
	wasi.SockInvalidState: sockInvalidState, wasi.SockAddressNotBindable: sockAddressNotBindable, wasi.SockAddressInUse: sockAddressInUse,
	wasi.SockRemoteUnreachable: sockRemoteUnreachable, wasi.SockConnectionRefused: sockConnectionRefused,
	wasi.SockConnectionReset: sockConnectionReset, wasi.SockConnectionAborted: sockConnectionAborted,
	wasi.SockDatagramTooLarge: sockDatagramTooLarge,
}

// putSocketCode writes an error-code of wasi:sockets/types.
func putSocketCode(w *cabi.Writer, err error) {
	code := wasi.SocketCodeOf(err)
	number, known := socketCodes[code]
	switch {
	case errors.Is(err, syscall.EPIPE), errors.Is(err, hostcalls.ErrBrokenPipe):
		w.Variant(sockConnectionBroken)
	case known:
		w.Variant(number)
	case code == wasi.SockNewSocketLimit:
		w.Variant(sockOther)
		w.Some()
		w.String("there are as many sockets as there may be")
	default:
		w.Variant(sockOther)
		w.None()
	}
}

// The cases of error-code of wasi:sockets/ip-name-lookup.
const (
	lookupAccessDenied = iota
	lookupInvalidArgument
	lookupNameUnresolvable
	lookupTemporaryFailure
	lookupPermanentFailure
	lookupOther
)

// putLookupCode writes an error-code of wasi:sockets/ip-name-lookup.
func putLookupCode(w *cabi.Writer, err error) {
	switch wasi.LookupCodeOf(err) {
	case wasi.SockAccessDenied:
		w.Variant(lookupAccessDenied)
	case wasi.SockInvalidArgument:
		w.Variant(lookupInvalidArgument)
	case wasi.SockNameUnresolvable:
		w.Variant(lookupNameUnresolvable)
	case wasi.SockTemporaryResolverFailure:
		w.Variant(lookupTemporaryFailure)
	case wasi.SockPermanentResolverFailure:
		w.Variant(lookupPermanentFailure)
	default:
		w.Variant(lookupOther)
		w.None()
	}
}

// putLocal writes the local address of a socket that is bound. One that is bound to any port of every address has its port only
// once it is connected, listens, or has sent.
func (c call) putLocal(s network.Socket, family network.Family, bound bool) {
	if !bound {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	local := s.LocalAddr()
	if !local.IsValid() {
		local = wasi.Unspecified(family)
	}
	c.Results.OK()
	wasi.PutSocketAddress(&c.Results, local)
}

// putRemote writes the address of the peer of a socket.
func (c call) putRemote(s network.Socket, connected bool) {
	remote := s.RemoteAddr()
	if !connected || !remote.IsValid() {
		c.sockFailed(wasi.SockInvalidState)
		return
	}
	c.Results.OK()
	wasi.PutSocketAddress(&c.Results, remote)
}
