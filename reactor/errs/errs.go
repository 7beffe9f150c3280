package errs

import (
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"
)

// Class says what went wrong, as far as a program needs to know. The values and their order are those of ErrorReason
// in the API, so that the edge converts by number.
type Class int

// The classes.
const (
	_ Class = iota
	InvalidArgument
	ModuleInvalid
	ModuleUnsupported
	ModuleNotFound
	ModuleInUse
	ModuleTooLarge
	DigestMismatch
	WorkloadNotFound
	WorkloadExists
	WorkloadFinished
	WorkloadNotInteractive
	WorkloadAttached
	GrantDenied
	LimitExceeded
	QueueFull
	StoreFull
	CursorExpired
	Draining
	Internal
	PushStalled
	Unavailable
	TooMuchInFlight
	Unauthenticated
	WorkloadUnfinished
	ModuleAmbiguous
	SnapshotFailed
	RegistryDenied
	RegistryFault
	SignatureRequired
)

var classNames = [...]string{
	InvalidArgument:        "INVALID_ARGUMENT",
	ModuleInvalid:          "MODULE_INVALID",
	ModuleUnsupported:      "MODULE_UNSUPPORTED",
	ModuleNotFound:         "MODULE_NOT_FOUND",
	ModuleInUse:            "MODULE_IN_USE",
	ModuleTooLarge:         "MODULE_TOO_LARGE",
	DigestMismatch:         "DIGEST_MISMATCH",
	WorkloadNotFound:       "WORKLOAD_NOT_FOUND",
	WorkloadExists:         "WORKLOAD_EXISTS",
	WorkloadFinished:       "WORKLOAD_FINISHED",
	WorkloadNotInteractive: "WORKLOAD_NOT_INTERACTIVE",
	WorkloadAttached:       "WORKLOAD_ATTACHED",
	GrantDenied:            "GRANT_DENIED",
	LimitExceeded:          "LIMIT_EXCEEDED",
	QueueFull:              "QUEUE_FULL",
	StoreFull:              "STORE_FULL",
	CursorExpired:          "CURSOR_EXPIRED",
	Draining:               "DRAINING",
	Internal:               "INTERNAL",
	PushStalled:            "PUSH_STALLED",
	Unavailable:            "UNAVAILABLE",
	TooMuchInFlight:        "TOO_MUCH_IN_FLIGHT",
	Unauthenticated:        "UNAUTHENTICATED",
	WorkloadUnfinished:     "WORKLOAD_UNFINISHED",
	ModuleAmbiguous:        "MODULE_AMBIGUOUS",
	SnapshotFailed:         "SNAPSHOT_FAILED",
	RegistryDenied:         "REGISTRY_DENIED",
	RegistryFault:          "REGISTRY_FAULT",
	SignatureRequired:      "SIGNATURE_REQUIRED",
}

// Classes yields all classes.
func Classes() iter.Seq[Class] {
	return func(yield func(Class) bool) {
		for c := InvalidArgument; int(c) < len(classNames) && yield(c); c++ {
		}
	}
}

// String returns the class's name in the API.
func (c Class) String() string {
	if c <= 0 || int(c) >= len(classNames) {
		return fmt.Sprintf("Class(%d)", int(c))
	}
	return classNames[c]
}

// The values of Resource.Type.
const (
	TypeWorkload = "workload"
	TypeModule   = "module"
)

// Field is an invalid field of a request.
type Field struct {
	// Path is the field in the request, such as "spec.args[3]".
	Path string
	// Description says what is wrong with the field and what would be right.
	Description string
}

// Resource is what an error is about.
type Resource struct {
	Type, Name string
}

// Error is an error a client can act on.
type Error struct {
	Class    Class
	Message  string
	Fields   []Field       // for InvalidArgument and similar classes: every fault at once
	Resource Resource      // zero if the error is not about one resource
	Retry    time.Duration // after which to try again; zero if that won't help
	Cause    error         // for the log; never sent to a client
}

// Error returns the message for the client.
func (e *Error) Error() string { return e.Message }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// New makes an error of a class.
func New(class Class, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...)}
}

// Workload makes an error about a workload.
func Workload(class Class, id, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...), Resource: Resource{TypeWorkload, id}}
}

// Module makes an error about a module.
func Module(class Class, ref, format string, args ...any) *Error {
	return &Error{Class: class, Message: fmt.Sprintf(format, args...), Resource: Resource{TypeModule, ref}}
}

// Invalid makes an InvalidArgument error of invalid fields. It returns nil if there are none.
func Invalid(fields ...Field) error {
	if len(fields) == 0 {
		return nil
	}
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString("; ")
		}
		if i == maxNamed {
			fmt.Fprintf(&b, "and %d more", len(fields)-i)
			break
		}
		b.WriteString(f.Path)
		b.WriteString(": ")
		b.WriteString(f.Description)
	}
	return &Error{Class: InvalidArgument, Message: b.String(), Fields: fields}
}

// maxNamed bounds how many fields the message of Invalid names.
const maxNamed = 5

// Wrap makes an Internal error of a fault of the daemon. It returns an *Error, wrapped or not, as it is, and nil
// for nil.
func Wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Class: Internal, Message: fmt.Sprintf(format, args...) + ": " + err.Error(), Cause: err}
}

// ClassOf returns the class of err: Internal if it is not an *Error.
func ClassOf(err error) Class {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Class
	}
	return Internal
}
