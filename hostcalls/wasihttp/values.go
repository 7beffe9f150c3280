package wasihttp

import (
	"strings"
	"unicode/utf8"

	cabi "github.com/reactord/reactord/component/abi"
)

// What both versions of wasi:http write in the same way: methods, schemes, error codes.

var methods = [...]string{"GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"}

// PutMethod writes a method.
func PutMethod(w *cabi.Writer, method string) {
	for i := range methods {
		if methods[i] == method {
			w.Variant(i)
			return
		}
	}
	w.Variant(len(methods))
	w.String(method)
}

// ReadMethod reads a method, which may be none.
func ReadMethod(r *cabi.Reader) string {
	if n := r.Variant(); n < len(methods) {
		return methods[n]
	}
	return r.String()
}

var schemes = [...]string{"http", "https"}

// PutScheme writes an option of a scheme.
func PutScheme(w *cabi.Writer, scheme string) {
	if scheme == "" {
		w.None()
		return
	}
	w.Some()
	for i := range schemes {
		if schemes[i] == scheme {
			w.Variant(i)
			return
		}
	}
	w.Variant(len(schemes))
	w.String(scheme)
}

// ReadScheme reads an option of a scheme, which is empty if there is none. ok is false if it is no scheme.
func ReadScheme(r *cabi.Reader) (scheme string, ok bool) {
	if !r.Option() {
		return "", true
	}
	n := r.Variant()
	if n < len(schemes) {
		return schemes[n], true
	}
	scheme = r.String()
	for _, known := range schemes {
		if strings.EqualFold(scheme, known) {
			return known, true
		}
	}
	return scheme, ValidScheme(scheme)
}

// ReadText reads an option of a string, which is empty if there is none. ok is false if it is there and not valid.
func ReadText(r *cabi.Reader, valid func(string) bool) (text string, ok bool) {
	if !r.Option() {
		return "", true
	}
	text = r.String()
	return text, valid(text)
}

// PutText writes an option of a string, which is none if it is empty.
func PutText(w *cabi.Writer, text string) {
	if text == "" {
		w.None()
		return
	}
	w.Some()
	w.String(text)
}

// maxErrorText bounds the text of an error.
const maxErrorText = 1 << 10

func cut(text string) string {
	if len(text) <= maxErrorText {
		return text
	}
	end := maxErrorText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// number writes an option of a number.
func (e *Error) number(w *cabi.Writer, put func(uint64)) {
	if !e.HasNumber {
		w.None()
		return
	}
	w.Some()
	put(e.Number)
}

// PutError writes an error as an error-code.
func PutError(w *cabi.Writer, err error) {
	e := *AsError(err)
	e.Text = cut(e.Text)
	w.Variant(int(e.Code))
	u32 := func(w *cabi.Writer) { e.number(w, func(n uint64) { w.U32(uint32(min(n, 1<<32-1))) }) }
	switch e.Code {
	case DNSError:
		payload := w.Record()
		PutText(payload, e.Text)
		e.number(payload, func(n uint64) { payload.U16(uint16(n)) })
	case TLSAlertReceived:
		payload := w.Record()
		e.number(payload, func(n uint64) { payload.U8(uint8(n)) })
		PutText(payload, e.Text)
	case RequestBodySize, ResponseBodySize:
		e.number(w, w.U64)
	case RequestHeaderSectionSize, RequestTrailerSectionSize, ResponseHeaderSectionSize, ResponseTrailerSectionSize:
		u32(w)
	case RequestHeaderSize:
		if e.Text == "" && !e.HasNumber {
			w.None()
			return
		}
		w.Some()
		fallthrough
	case RequestTrailerSize, ResponseHeaderSize, ResponseTrailerSize:
		payload := w.Record()
		PutText(payload, e.Text)
		u32(payload)
	case ResponseTransferCoding, ResponseContentCoding, InternalError:
		PutText(w, e.Text)
	}
}

// ReadError reads an error-code.
func ReadError(r *cabi.Reader) *Error {
	e := &Error{Code: Code(r.Variant())}
	whatever := func(string) bool { return true }
	number := func(r *cabi.Reader, get func() uint64) {
		if e.HasNumber = r.Option(); e.HasNumber {
			e.Number = get()
		}
	}
	switch e.Code {
	case DNSError:
		payload := r.Record()
		e.Text, _ = ReadText(&payload, whatever)
		number(&payload, func() uint64 { return uint64(payload.U16()) })
	case TLSAlertReceived:
		payload := r.Record()
		number(&payload, func() uint64 { return uint64(payload.U8()) })
		e.Text, _ = ReadText(&payload, whatever)
	case RequestBodySize, ResponseBodySize:
		number(r, r.U64)
	case RequestHeaderSectionSize, RequestTrailerSectionSize, ResponseHeaderSectionSize, ResponseTrailerSectionSize:
		number(r, func() uint64 { return uint64(r.U32()) })
	case RequestHeaderSize:
		if !r.Option() {
			break
		}
		fallthrough
	case RequestTrailerSize, ResponseHeaderSize, ResponseTrailerSize:
		payload := r.Record()
		e.Text, _ = ReadText(&payload, whatever)
		number(&payload, func() uint64 { return uint64(payload.U32()) })
	case ResponseTransferCoding, ResponseContentCoding, InternalError:
		e.Text, _ = ReadText(r, whatever)
	}
	e.Text = cut(e.Text)
	return e
}

// Types are the types that both versions of wasi:http have, as WIT.
const Types = `
	variant method { get, head, post, put, delete, connect, options, trace, patch, other(string) }
	variant scheme { HTTP, HTTPS, other(string) }
	record DNS-error-payload { rcode: option<string>, info-code: option<u16> }
	record TLS-alert-received-payload { alert-id: option<u8>, alert-message: option<string> }
	record field-size-payload { field-name: option<string>, field-size: option<u32> }
	variant error-code {
		DNS-timeout,
		DNS-error(DNS-error-payload),
		destination-not-found,
		destination-unavailable,
		destination-IP-prohibited,
		destination-IP-unroutable,
		connection-refused,
		connection-terminated,
		connection-timeout,
		connection-read-timeout,
		connection-write-timeout,
		connection-limit-reached,
		TLS-protocol-error,
		TLS-certificate-error,
		TLS-alert-received(TLS-alert-received-payload),
		HTTP-request-denied,
		HTTP-request-length-required,
		HTTP-request-body-size(option<u64>),
		HTTP-request-method-invalid,
		HTTP-request-URI-invalid,
		HTTP-request-URI-too-long,
		HTTP-request-header-section-size(option<u32>),
		HTTP-request-header-size(option<field-size-payload>),
		HTTP-request-trailer-section-size(option<u32>),
		HTTP-request-trailer-size(field-size-payload),
		HTTP-response-incomplete,
		HTTP-response-header-section-size(option<u32>),
		HTTP-response-header-size(field-size-payload),
		HTTP-response-body-size(option<u64>),
		HTTP-response-trailer-section-size(option<u32>),
		HTTP-response-trailer-size(field-size-payload),
		HTTP-response-transfer-coding(option<string>),
		HTTP-response-content-coding(option<string>),
		HTTP-response-timeout,
		HTTP-upgrade-failed,
		HTTP-protocol-error,
		loop-detected,
		configuration-error,
		internal-error(option<string>),
	}
	type status-code = u16;
`
