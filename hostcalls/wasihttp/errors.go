package wasihttp

import (
	"fmt"
	"strings"

	"github.com/reactord/reactord/internal/clip"
)

// Code is a case of error-code, which is the same in all versions of wasi:http.
type Code uint8

// The codes, in their order.
const (
	DNSTimeout Code = iota
	DNSError
	DestinationNotFound
	DestinationUnavailable
	DestinationIPProhibited
	DestinationIPUnroutable
	ConnectionRefused
	ConnectionTerminated
	ConnectionTimeout
	ConnectionReadTimeout
	ConnectionWriteTimeout
	ConnectionLimitReached
	TLSProtocolError
	TLSCertificateError
	TLSAlertReceived
	RequestDenied
	RequestLengthRequired
	RequestBodySize
	RequestMethodInvalid
	RequestURIInvalid
	RequestURITooLong
	RequestHeaderSectionSize
	RequestHeaderSize
	RequestTrailerSectionSize
	RequestTrailerSize
	ResponseIncomplete
	ResponseHeaderSectionSize
	ResponseHeaderSize
	ResponseBodySize
	ResponseTrailerSectionSize
	ResponseTrailerSize
	ResponseTransferCoding
	ResponseContentCoding
	ResponseTimeout
	UpgradeFailed
	ProtocolError
	LoopDetected
	ConfigurationError
	InternalError

	codes
)

var codeNames = [codes]string{
	"DNS-timeout", "DNS-error", "destination-not-found", "destination-unavailable", "destination-IP-prohibited",
	"destination-IP-unroutable", "connection-refused", "connection-terminated", "connection-timeout", "connection-read-timeout",
	"connection-write-timeout", "connection-limit-reached", "TLS-protocol-error", "TLS-certificate-error", "TLS-alert-received",
	"HTTP-request-denied", "HTTP-request-length-required", "HTTP-request-body-size", "HTTP-request-method-invalid",
	"HTTP-request-URI-invalid", "HTTP-request-URI-too-long", "HTTP-request-header-section-size", "HTTP-request-header-size",
	"HTTP-request-trailer-section-size", "HTTP-request-trailer-size", "HTTP-response-incomplete",
	"HTTP-response-header-section-size", "HTTP-response-header-size", "HTTP-response-body-size",
	"HTTP-response-trailer-section-size", "HTTP-response-trailer-size", "HTTP-response-transfer-coding",
	"HTTP-response-content-coding", "HTTP-response-timeout", "HTTP-upgrade-failed", "HTTP-protocol-error", "loop-detected",
	"configuration-error", "internal-error",
}

// String returns the code's name in wasi:http.
func (c Code) String() string {
	if c < codes {
		return codeNames[c]
	}
	return fmt.Sprintf("Code(%d)", uint8(c))
}

// Error is an error-code. Of the payloads each code has the parts that it has in wasi:http.
type Error struct {
	Code Code
	// Text is the rcode, the message of an alert, the name of a field, a coding, or a description; empty: none.
	Text string
	// Number is the info-code, the id of an alert or a size, if HasNumber.
	Number    uint64
	HasNumber bool
}

// errorf makes an internal-error.
func errorf(format string, args ...any) *Error {
	return &Error{Code: InternalError, Text: fmt.Sprintf(format, args...)}
}

// sized makes an error with a size.
func sized(code Code, size int64) *Error {
	return &Error{Code: code, Number: uint64(max(size, 0)), HasNumber: true}
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Code.String())
	if e.HasNumber {
		fmt.Fprintf(&b, " %d", e.Number)
	}
	if e.Text != "" {
		fmt.Fprintf(&b, ": %q", clip.Text(e.Text, 512)) // a component may choose it
	}
	return b.String()
}
