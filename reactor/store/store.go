package store

import (
	"context"
	"time"
)

// Store keeps what a reactor must not lose. The package comment has the rules for all methods.
type Store interface {
	Workloads
	Modules
	Logs

	// Close commits what was asked for, or as much of it as the disk takes, releases the store and
	// waits for its goroutines. Later calls fail with ErrClosed. Uploads must be closed before.
	Close() error
}

// Workloads is the part of a Store that keeps workloads.
type Workloads interface {
	// Submit stores workloads, all in one commit, and says of each what became of it. A workload
	// is created PENDING unless its id is taken (then the result holds the one that has it) or
	// its module is not there (then it has a *NotFoundError). Of two in the same call with one
	// id, the first is created. The records passed in must not be changed afterwards. When the
	// error is not nil nothing was stored; an end of ctx while the commit is under way is
	// reported as its error, and leaves open whether it took place.
	Submit(ctx context.Context, workloads []*Workload) ([]Submitted, error)

	// Transition changes the state of a workload. It does not block; done, if not nil, is called
	// once, after the commit, with the revision of the change. A refusal is a *StaleError or
	// *NotFoundError. Want of space is not: the transition is tried again until there is space,
	// or the store is closed.
	Transition(t Transition, done func(revision int64, err error))

	// Claim hands the caller up to limit unfinished workloads that nobody holds, in order of
	// creation, and puts those that were RUNNING back to PENDING with their attempts kept. None
	// are left when both lists of the result are empty.
	Claim(ctx context.Context, limit int) (Claimed, error)

	// ClaimPlaces is Claim for who needs to know of the workloads only what a queue does: it reads neither
	// specs nor labels, and so not whether they are damaged, which shows when the record is read.
	ClaimPlaces(ctx context.Context, limit int) (ClaimedPlaces, error)

	// Workload returns a workload, a *NotFoundError or a *CorruptError.
	Workload(ctx context.Context, id string) (*Workload, error)

	// List returns a page of workloads, newest first. Like Claim and Changes, it returns fewer than
	// it was asked for if their specs are large.
	List(ctx context.Context, query Query) (Page, error)

	// Changes returns up to limit workloads that changed after the revision since, each as it is
	// now, in the order of their last change. Since 0 starts with every workload there is. If a
	// workload that changed after since was pruned, or since lies in the future, the error is
	// ErrCursorExpired.
	Changes(ctx context.Context, since int64, limit int) (Changes, error)

	// Revision returns the revision of the last commit.
	Revision() int64

	// Count returns how many workloads are in each state.
	Count(ctx context.Context) (Counts, error)

	// Prune deletes finished workloads and their logs, those first that finished first, a bounded
	// number and a bounded size per call: of a long log it deletes the end, and the rest next time.
	// Call it again while the result says that there is more.
	Prune(ctx context.Context, policy Retention) (Pruned, error)
}

// Modules is the part of a Store that keeps modules and tags.
type Modules interface {
	// Upload starts the upload of a module of that digest and size, or goes on with one that broke
	// off. It fails with ErrExists if the module is there and sound: one whose record or bytes are
	// damaged, or whose bytes are missing, is replaced by Commit. It fails with ErrFull if the bound
	// on the bytes of all modules would be passed even if no other upload were under way. It does
	// not wait for other uploads, of the same digest or not.
	Upload(ctx context.Context, digest Digest, size int64, resume Resume) (Upload, error)

	// Module returns a stored module with its tags.
	Module(ctx context.Context, digest Digest) (*Module, error)

	// ModuleByTag returns the module the tag points at.
	ModuleByTag(ctx context.Context, tag string) (*Module, error)

	// ModuleBinary reads a module's bytes and verifies their digest. If they are damaged or missing
	// it fails with a *CorruptError that is ErrDamaged.
	ModuleBinary(ctx context.Context, digest Digest) ([]byte, error)

	// ListModules returns a page of modules, newest first, or fewer if much is known of them.
	// Token is the Next of the page before.
	ListModules(ctx context.Context, token string, limit int) (ModulePage, error)

	// TagModule points a tag at a module, moving it if it exists. It is refused with a *TagsError if the
	// module has too many, or if it is new and there are too many in all; so is the Commit of an Upload
	// with a tag.
	TagModule(ctx context.Context, tag string, digest Digest) error

	// DeleteModule removes a module and its tags. It is refused with a *InUseError while
	// unfinished workloads use the module; a concurrent Submit either comes first, or finds the
	// module gone.
	DeleteModule(ctx context.Context, digest Digest) error
}

// Logs is the part of a Store that keeps what guests wrote.
type Logs interface {
	// AppendLog appends to a workload's log. It does not block; done, if not nil, is called once,
	// after the commit. The chunks must not be changed afterwards. The caller bounds how much it
	// has under way. Refusals are as for Transition; want of space is one, too: then the error is
	// ErrFull or ErrUnavailable, nothing was appended, and it may be tried again. What is appended to
	// one log makes others wait no longer than their own share of what is appended to all.
	AppendLog(a LogAppend, done func(err error))

	// ReadLog returns the entries of a workload's log from the byte offset on, about limit bytes
	// of them, and the offset to go on from. It looks at a bounded piece of the log, so it may return
	// none of a stream that others write more to. An offset at the end gives no entries and the
	// same offset. Offsets count the bytes of both streams, in the order they were written.
	ReadLog(ctx context.Context, id string, streams Streams, offset int64, limit int) ([]LogEntry, int64, error)

	// TailLog returns the offset at which the last lines of a log begin. A last line without a
	// newline counts.
	TailLog(ctx context.Context, id string, streams Streams, lines int) (int64, error)
}

// Upload receives the bytes of one module. It is used by one goroutine at a time.
type Upload interface {
	// Offset is the number of bytes received, by this upload and the ones it resumes.
	Offset() int64
	// Write appends bytes, and takes room for them. More than the announced size are refused with
	// ErrTooLong. It fails with ErrFull if there is no room, and with ErrStalled if the upload made no
	// progress for so long that it had to give way to others.
	Write(p []byte) (int, error)
	// Bytes returns all the bytes, verified: it fails with io.ErrUnexpectedEOF if some are
	// missing, and with ErrDigestMismatch, dropping what was received, if they are not what was
	// announced.
	Bytes() ([]byte, error)
	// Commit verifies the bytes as Bytes does and stores the module, with the information the
	// caller has on it and the tag, if it is not empty.
	Commit(ctx context.Context, created time.Time, info []byte, tag string) (*Module, error)
	// Discard drops what was received and ends the upload.
	Discard() error
	// Close ends the upload. What was received without Commit is kept for some time, to be resumed.
	Close() error
}
