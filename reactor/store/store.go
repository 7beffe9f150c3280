package store

import (
	"context"
	"io"
	"time"
)

// Store keeps what a reactor must not lose. The package comment has rules that apply to all methods.
type Store interface {
	Workloads
	Modules
	Logs

	// Close commits the pending writes, or as many as the disk accepts, releases the store and waits for its
	// goroutines. Later calls fail with ErrClosed. Uploads must be closed before.
	Close() error
}

// Workloads is the part of a Store that keeps workloads.
type Workloads interface {
	// Submit stores workloads, all in one commit, and returns the result of each. A workload is created PENDING
	// unless its id is taken (then the result has the existing workload) or its module does not exist (then it has
	// a *NotFoundError). If two in the same call have one id, the first is created. The records passed in must not
	// be changed afterwards. If the error is not nil nothing was stored, and which ids are taken is not said: what is
	// stored can be read even while the error is ErrFull or ErrUnavailable. But if ctx ends during the commit, its
	// error is returned and whether the commit took place is unknown.
	Submit(ctx context.Context, workloads []*Workload) ([]Submitted, error)

	// Transition changes the state of a workload. It does not block. done, if not nil, is called once, after the
	// commit, with the revision of the change. A refusal is a *StaleError or *NotFoundError. A full disk is not a
	// refusal: the transition is tried again until there is space, or until the store is closed.
	Transition(t Transition, done func(revision int64, err error))

	// Amend replaces the status of an unfinished workload, without a transition, and returns the revision of the change. It
	// fails with a *NotFoundError, and with a *StaleError if the workload has ended or has changed since the revision that
	// the new status was made from: then the caller reads it again.
	Amend(ctx context.Context, a Amendment) (revision int64, err error)

	// Claim claims up to limit unfinished workloads that nobody holds, in order of creation, for the caller, and
	// puts those that were RUNNING back to PENDING without changing their attempts. When both lists of the result
	// are empty none are left.
	Claim(ctx context.Context, limit int) (Claimed, error)

	// ClaimPlaces is Claim for a caller that needs only what a queue needs. It reads neither specs nor labels, so
	// damage to those shows only when the record is read.
	ClaimPlaces(ctx context.Context, limit int) (ClaimedPlaces, error)

	// Workload returns a workload. It fails with a *NotFoundError or a *CorruptError.
	Workload(ctx context.Context, id string) (*Workload, error)

	// Existing returns the workload with the id of a submission that has the given SpecHash. It is Workload, but the
	// Spec may be left out as in a Submitted.
	Existing(ctx context.Context, id string, hash Digest) (*Workload, error)

	// List returns a page of workloads in the order of creation, newest first unless the query says otherwise. Like Claim and Changes, it returns fewer workloads than
	// requested if their specs are large.
	List(ctx context.Context, query Query) (Page, error)

	// Changes returns up to limit workloads that changed after the revision since, each as it is now, in the order
	// of their last change. Since 0 returns all workloads. The error is ErrCursorExpired if a workload that
	// changed after since was pruned, or if since lies in the future.
	Changes(ctx context.Context, since int64, limit int) (Changes, error)

	// Revision returns the revision of the last commit.
	Revision() int64

	// DatabaseBytes returns what workloads and logs take on disk, about, and their bound; zero is none. It does not block.
	DatabaseBytes() (used, bound int64)

	// Count returns how many workloads are in each state.
	Count(ctx context.Context) (Counts, error)

	// Prune deletes finished workloads and their logs in the order in which they finished, a bounded number and
	// size per call: of a long log it deletes the end, and the rest next time. Call it again while the result
	// says that there is more.
	Prune(ctx context.Context, policy Retention) (Pruned, error)

	// DeleteWorkload deletes a finished workload and its log. It fails with a *NotFoundError or an *UnfinishedError.
	// Of a long log it deletes the end and returns false: call it again until it returns true. Cursors from before
	// the workload's last change expire.
	DeleteWorkload(ctx context.Context, id string) (done bool, err error)
}

// Modules is the part of a Store that keeps modules and tags.
type Modules interface {
	// Upload starts the upload of a module of the given digest and size, or resumes an interrupted one. It fails
	// with ErrExists if the module exists and is sound: if its record is damaged, or its bytes are damaged or
	// missing, Commit replaces it. It fails with ErrFull if the bound on the bytes of all modules would be exceeded
	// even without other uploads. It does not wait for other uploads, of the same digest or not.
	Upload(ctx context.Context, digest Digest, size int64, resume Resume) (Upload, error)

	// Module returns a stored module with its tags.
	Module(ctx context.Context, digest Digest) (*Module, error)

	// ModuleByTag returns the module that a tag points at.
	ModuleByTag(ctx context.Context, tag string) (*Module, error)

	// FindModules returns up to limit digests that begin with the prefix, in order: those of stored modules, and if
	// former is true also those of deleted modules that workloads still refer to.
	FindModules(ctx context.Context, prefix Prefix, former bool, limit int) ([]Digest, error)

	// ModuleBinary reads a module's bytes and verifies their digest. If they are damaged or missing
	// it fails with a *CorruptError that is ErrDamaged.
	ModuleBinary(ctx context.Context, digest Digest) ([]byte, error)

	// OpenModule opens a module for reading. A Read fails with a *CorruptError instead of io.EOF if the bytes are damaged.
	OpenModule(ctx context.Context, digest Digest) (io.ReadCloser, error)

	// ListModules returns a page of modules, newest first; fewer than limit if their descriptions are large. token
	// is the Next of the previous page.
	ListModules(ctx context.Context, token string, limit int) (ModulePage, error)

	// TagModule points a tag at a module, moving it if it exists. It fails with a *TagsError if the module has too
	// many tags, or if the tag is new and there are too many in all; so does Commit of an Upload with a tag.
	TagModule(ctx context.Context, tag string, digest Digest) error

	// UntagModule removes a tag, and returns the module that it pointed at.
	UntagModule(ctx context.Context, tag string) (Digest, error)

	// UseModule notes a push of a stored module at a time, and what the push says of it.
	UseModule(ctx context.Context, digest Digest, from Provenance, at time.Time) error

	// DeleteModule removes a module and its tags. It fails with an *InUseError while unfinished workloads use the
	// module; a concurrent Submit either comes first, or finds the module gone.
	DeleteModule(ctx context.Context, digest Digest) error

	// UnusedModules returns a page of modules that have no tag and to which no workload refers, finished or not, the
	// least recently used first. A page can be short, even empty, while Next is set: one call examines a bounded
	// number of modules.
	UnusedModules(ctx context.Context, query UnusedQuery) (ModulePage, error)

	// PruneModule is DeleteModule for a module that UnusedModules returned. It fails with a *KeptError if something
	// refers to the module by now, or if it was used at the given time or later.
	PruneModule(ctx context.Context, digest Digest, before time.Time) error

	// ModuleBytes returns what modules and uploads take on disk, and their bound.
	ModuleBytes() (used, bound int64)
}

// Logs is the part of a Store that keeps what guests wrote.
type Logs interface {
	// AppendLog appends to a workload's log. It does not block. done, if not nil, is called once, after the
	// commit. The chunks must not be changed afterwards. The caller bounds how much it has in flight. Refusals are
	// as for Transition, and a full disk is one too: then the error is ErrFull or ErrUnavailable, nothing was
	// appended, and the caller may try again. Appends to one log delay others only by a fair share of all
	// appends.
	AppendLog(a LogAppend, done func(err error))

	// ReadLog returns the entries of a workload's log from a position on, about limit bytes, and the position to
	// continue from. It scans a bounded part of the log. At the end it returns no entries and the same position.
	// Positions are those of LogChunk.Offset; what was not appended, or lies in cut, is skipped. Only output that was
	// stored before logs had cuts is returned although it lies in cut: it has no attempt.
	ReadLog(ctx context.Context, id string, position int64, cut Cut, limit int) ([]LogEntry, int64, error)

	// TailLog returns the position at which the last lines of a log begin, and where the log ends. A last line without a
	// newline counts as a line, and so does what remains of a line beside output that is missing.
	TailLog(ctx context.Context, id string, streams Streams, lines int, cut Cut) (begin, end int64, err error)

	// LogStart returns the position at which the log of the attempts after the given one begins: that of their first
	// entry. found is false if they have none.
	LogStart(ctx context.Context, id string, after uint32) (position int64, found bool, err error)
}

// Upload receives the bytes of one module. It is used by one goroutine at a time.
type Upload interface {
	// Offset returns the number of bytes received by this upload and the ones it resumes.
	Offset() int64
	// Write appends bytes and takes space for them. It fails with ErrTooLong for more than the announced size,
	// with ErrFull if there is no space, and with ErrStalled if the upload made no progress for so long that it
	// gave way to others.
	Write(p []byte) (int, error)
	// Bytes returns all the bytes, verified. It fails with io.ErrUnexpectedEOF if some are missing. If they do not
	// have the announced digest it drops them and fails with ErrDigestMismatch.
	Bytes() ([]byte, error)
	// Commit verifies the bytes as Bytes does and stores the module. If it is stored already, only its tag, its name
	// and its use are.
	Commit(ctx context.Context, module NewModule) (*Module, error)
	// Discard drops the received bytes and ends the upload.
	Discard() error
	// Close ends the upload. Received bytes that were not committed are kept for some time, to be resumed.
	Close() error
}
