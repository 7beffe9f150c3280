package oci

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"oras.land/oras-go/v2/errdef"
	"oras.land/oras-go/v2/registry/remote/auth"
	"oras.land/oras-go/v2/registry/remote/errcode"
)

// Kind says what an Error is about.
type Kind int

// The kinds.
const (
	Unreachable Kind = iota // the registry did not answer, or broke off; trying again may help
	NotFound                // there is no such artifact, or the registry does not tell
	Denied                  // the registry wants other credentials
	NotModule               // the artifact is no WebAssembly
	TooLarge                // the module is larger than what is taken
	Untrue                  // what the registry sent is not what it, or the reference, announced
	Plain                   // the registry has no TLS, and was to be read with it
	Unsigned                // no signature of the artifact has been made by an accepted key
)

// Error is why a module could not be read or published.
type Error struct {
	Kind Kind
	Ref  string // what was asked for
	Err  error
}

func (e *Error) Error() string { return e.Ref + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

func (r Reference) errorf(kind Kind, format string, args ...any) *Error {
	return &Error{kind, r.String(), fmt.Errorf(format, args...)}
}

// explain makes an Error of one of the library. Errors of the context stay as they are.
func (r Reference) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if errors.Is(err, errdef.ErrNotFound) {
		return r.errorf(NotFound, "the registry has no such artifact")
	}
	if errors.Is(err, auth.ErrBasicCredentialNotFound) {
		return r.errorf(Denied, "the registry asks for credentials, and there are none for %s", r.Registry())
	}
	if answer, ok := errors.AsType[*errcode.ErrorResponse](err); ok {
		return r.ofAnswer(answer)
	}
	if astray, ok := errors.AsType[*astrayError](err); ok {
		return r.errorf(Untrue, "%w", astray)
	}
	if errors.Is(err, http.ErrSchemeMismatch) {
		return r.errorf(Plain, "the registry has no TLS")
	}
	if isNetwork(err) {
		return r.errorf(Unreachable, "%w", plain(err))
	}
	return r.errorf(Untrue, "%w", err)
}

// astrayError says where a registry has led, and that its client does not go there.
type astrayError struct{ text string }

func (e *astrayError) Error() string { return e.text }

// isNetwork reports whether an error is one of the way to a registry.
func isNetwork(err error) bool {
	_, sending := errors.AsType[*url.Error](err)
	_, reading := errors.AsType[net.Error](err)
	return sending || reading || errors.Is(err, io.ErrUnexpectedEOF)
}

// plain leaves out of an error which request it was of.
func plain(err error) error {
	if sending, ok := errors.AsType[*url.Error](err); ok {
		return sending.Err
	}
	return err
}

// ofAnswer says what an answer of the registry that is no success means.
func (r Reference) ofAnswer(answer *errcode.ErrorResponse) error {
	said := http.StatusText(answer.StatusCode)
	if len(answer.Errors) > 0 {
		said = answer.Errors.Error()
	}
	switch answer.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		return r.errorf(Denied, "the registry refuses access (%d): %s", answer.StatusCode, said)
	case http.StatusNotFound:
		return r.errorf(NotFound, "the registry has no such artifact: %s", said)
	case http.StatusTooManyRequests:
		return r.errorf(Unreachable, "the registry takes no more requests for now: %s", said)
	}
	if answer.StatusCode >= http.StatusInternalServerError {
		return r.errorf(Unreachable, "the registry has failed (%d): %s", answer.StatusCode, said)
	}
	return r.errorf(Untrue, "the registry's answer is not one of a registry (%d): %s", answer.StatusCode, said)
}
