package store

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is reported by a store that was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrFull is reported when the disk, or a bound of the store, is full. Nothing was stored.
	ErrFull = errors.New("the store is full")
	// ErrUnavailable is reported when what the store lies on fails for now: for want of descriptors or
	// memory, or because a disk does. The same may succeed later.
	ErrUnavailable = errors.New("the store is not available")
	// ErrCursorExpired is reported for a revision from which changes can no longer be told.
	ErrCursorExpired = errors.New("the cursor is too old: changes after it were pruned")
	// ErrBadToken is reported for a page token that no list gave out.
	ErrBadToken = errors.New("the page token is not valid")
	// ErrExists is reported for the upload of a module that is there.
	ErrExists = errors.New("the module exists")
	// ErrDigestMismatch is reported for bytes that do not have the digest they came under.
	ErrDigestMismatch = errors.New("the bytes do not have the announced digest")
	// ErrStalled is reported by an upload that gave way to others, because it made no progress.
	ErrStalled = errors.New("the upload made no progress and gave way to another")
	// ErrDamaged is reported for a module whose bytes on disk are damaged or missing. It passes when
	// the module is uploaded again.
	ErrDamaged = errors.New("the module's bytes are damaged or missing: push the module again")
	// ErrTooLong is reported for bytes beyond the announced size.
	ErrTooLong = errors.New("there are more bytes than announced")
)

// Kind is a kind of record.
type Kind string

// The kinds.
const (
	KindWorkload Kind = "workload"
	KindModule   Kind = "module"
	KindTag      Kind = "tag"
	KindLog      Kind = "log"
)

// NotFoundError says that there is no such record.
type NotFoundError struct {
	Kind Kind
	Name string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no %s %q", e.Kind, e.Name) }

// StaleError refuses a write that speaks for a state or an attempt that is over.
type StaleError struct {
	ID       string
	State    State  // what the record says
	Attempts uint32 // what the record says
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("workload %q has moved on: it is %s at attempt %d", e.ID, e.State, e.Attempts)
}

// CorruptError says that a record on disk is not what was written.
type CorruptError struct {
	Kind Kind
	Name string
	Err  error
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("the record of %s %q is corrupt: %v", e.Kind, e.Name, e.Err)
}

func (e *CorruptError) Unwrap() error { return e.Err }

// InUseError refuses the deletion of a module.
type InUseError struct {
	Digest    Digest
	Workloads int64 // unfinished ones that use it
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("module %s is used by %d unfinished workloads", e.Digest, e.Workloads)
}

// TagsError refuses a tag of which there are too many.
type TagsError struct {
	Digest Digest // of the module that has as many as one may have; zero if all modules together have
	Bound  int
}

func (e *TagsError) Error() string {
	if e.Digest == (Digest{}) {
		return fmt.Sprintf("there are %d tags, and no more are taken", e.Bound)
	}
	return fmt.Sprintf("module %s has %d tags, and no more are taken", e.Digest, e.Bound)
}

// LockedError says that another process has the store open.
type LockedError struct {
	Dir string
	PID int // 0 if unknown
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("%s is in use by another process", e.Dir)
	}
	return fmt.Sprintf("%s is in use by process %d", e.Dir, e.PID)
}

// SchemaError says that the store was written by a newer version.
type SchemaError struct {
	Dir              string
	Found, Supported int
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, this program knows up to %d: it was written by a newer reactord; run that one, or use another directory", e.Dir, e.Found, e.Supported)
}
