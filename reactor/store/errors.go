package store

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed is returned by a store that was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrFull is returned when the disk, or a bound of the store, is full. Nothing was stored.
	ErrFull = errors.New("the store is full")
	// ErrUnavailable is returned when the store's disk fails, or descriptors or memory are short. The same call
	// may succeed later.
	ErrUnavailable = errors.New("the store is not available")
	// ErrCursorExpired is returned for a revision whose later changes are no longer all known.
	ErrCursorExpired = errors.New("the cursor is too old: changes after it were pruned")
	// ErrBadToken is returned for a page token that no list returned.
	ErrBadToken = errors.New("the page token is not valid")
	// ErrExists is returned for the upload of a module that exists.
	ErrExists = errors.New("the module exists")
	// ErrDigestMismatch is returned for bytes that do not have the announced digest.
	ErrDigestMismatch = errors.New("the bytes do not have the announced digest")
	// ErrStalled is returned by an upload that made no progress and gave way to others.
	ErrStalled = errors.New("the upload made no progress and gave way to another")
	// ErrDamaged is returned for a module whose bytes on disk are damaged or missing. Uploading the module again
	// repairs it.
	ErrDamaged = errors.New("the module's bytes are damaged or missing: push the module again")
	// ErrTooLong is returned for more bytes than were announced.
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

// NotFoundError reports that a record does not exist.
type NotFoundError struct {
	Kind Kind
	Name string
}

func (e *NotFoundError) Error() string { return fmt.Sprintf("there is no %s %q", e.Kind, e.Name) }

// StaleError refuses a write for a state or an attempt that is over.
type StaleError struct {
	ID       string
	State    State  // of the record
	Attempts uint32 // of the record
}

func (e *StaleError) Error() string {
	return fmt.Sprintf("workload %q has moved on: it is %s at attempt %d", e.ID, e.State, e.Attempts)
}

// CorruptError reports that a record on disk is not what was written.
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
	Workloads int64 // unfinished workloads that use the module
}

func (e *InUseError) Error() string {
	return fmt.Sprintf("module %s is used by %d unfinished workloads", e.Digest, e.Workloads)
}

// UnfinishedError refuses the deletion of a workload that has not ended.
type UnfinishedError struct{ ID string }

func (e *UnfinishedError) Error() string { return fmt.Sprintf("workload %q has not ended", e.ID) }

// KeptError refuses the pruning of a module.
type KeptError struct{ Digest Digest }

func (e *KeptError) Error() string {
	return fmt.Sprintf("module %s is kept: a tag or a workload refers to it, or it was used lately", e.Digest)
}

// TagsError refuses a tag because there are too many.
type TagsError struct {
	Digest Digest // the module that has too many; zero if all modules together have
	Bound  int
}

func (e *TagsError) Error() string {
	if e.Digest == (Digest{}) {
		return fmt.Sprintf("there are %d tags, and no more are accepted", e.Bound)
	}
	return fmt.Sprintf("module %s has %d tags, and no more are accepted", e.Digest, e.Bound)
}

// LockedError reports that another process has the store open.
type LockedError struct {
	Dir string
	PID int // 0 if unknown
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.PID != 0 {
		who = fmt.Sprintf("process %d", e.PID)
	}
	return fmt.Sprintf("%s is in use by %s: stop that one first, or name another folder with --data-dir", e.Dir, who)
}

// SchemaError reports that a newer version wrote the store.
type SchemaError struct {
	Dir              string
	Found, Supported int
}

func (e *SchemaError) Error() string {
	return fmt.Sprintf("%s has schema version %d, this program knows up to %d: it was written by a newer reactord; run that one, or use another directory", e.Dir, e.Found, e.Supported)
}
