package wasihttp

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// AsError returns an error of this package, of the network or of net/http as an error-code. What has no code of its own is an
// internal-error, which describes it.
func AsError(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	if code, ok := networkCode(err); ok {
		return &Error{Code: code}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		if dns.IsTimeout {
			return &Error{Code: DNSTimeout}
		}
		e := &Error{Code: DNSError}
		if dns.IsNotFound {
			e.Text = "NXDOMAIN"
		}
		return e
	}
	if alert, ok := errors.AsType[tls.AlertError](err); ok {
		return &Error{Code: TLSAlertReceived, Text: alert.Error(), Number: uint64(alert), HasNumber: true}
	}
	if certificate, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return &Error{Code: TLSCertificateError, Text: certificate.Error()}
	}
	return errorf("%v", err)
}

// networkCode returns the code of an error that says all by itself.
func networkCode(err error) (Code, bool) {
	for _, known := range [...]struct {
		err  error
		code Code
	}{
		{network.ErrNotGranted, RequestDenied},
		{network.ErrRevoked, RequestDenied},
		{network.ErrTooManySockets, ConnectionLimitReached},
		{network.ErrQuota, ConnectionLimitReached},
		{hostcalls.ErrBrokenPipe, ConnectionTerminated},
		{syscall.EMFILE, ConnectionLimitReached},
		{syscall.ENFILE, ConnectionLimitReached},
		{syscall.ECONNREFUSED, ConnectionRefused},
		{syscall.ECONNRESET, ConnectionTerminated},
		{syscall.EPIPE, ConnectionTerminated},
		{syscall.ENETUNREACH, DestinationIPUnroutable},
		{syscall.EHOSTUNREACH, DestinationIPUnroutable},
		{syscall.ETIMEDOUT, ConnectionTimeout},
		{context.DeadlineExceeded, ResponseTimeout},
		{context.Canceled, ConnectionTerminated},
		{io.EOF, ConnectionTerminated},
		{io.ErrUnexpectedEOF, ResponseIncomplete},
		{http.ErrBodyReadAfterClose, ConnectionTerminated},
	} {
		if errors.Is(err, known.err) {
			return known.code, true
		}
	}
	if record, ok := errors.AsType[tls.RecordHeaderError](err); ok && record.Msg != "" {
		return TLSProtocolError, true
	}
	return 0, false
}
