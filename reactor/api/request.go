package api

import "time"

// Filter selects workloads; empty fields select all.
type Filter struct {
	States        []State // for a watch Running and Waiting each select both
	LabelSelector string
	Module        string // a digest or a tag
	// Created and Ended are when the workload was stored, and when it ended.
	Created, Ended Period
}

// Period is a time from Start on and before End; a zero time is no bound.
type Period struct{ Start, End time.Time }

// Page selects a page of a list.
type Page struct {
	Size  int    // 100 if zero, 1000 at most
	Token string // the Next of the previous page; empty for the first
	// OldestFirst turns the order of workloads round. Of operations it lists those first that began first, on one page.
	OldestFirst bool
	// BusiestFirst lists only workloads that run, those first that have used the processors most lately, on one page.
	BusiestFirst bool
}

// OpFilter selects operations: those of one workload, or those of the workloads with some labels. The zero value selects
// all.
type OpFilter struct {
	WorkloadID    string
	LabelSelector string
	Kinds         []OpKind
	Target        string        // with "*" at the end, all that begin so
	MinAge        time.Duration // since they began
}

// WorkloadPage is a page of workloads.
type WorkloadPage struct {
	Workloads []*Workload
	// Unreadable has the ids of workloads that are left out because their records are damaged.
	Unreadable []string
	// Next is the token of the next page; empty on the last.
	Next string
	// Cursor is for a watch, which then sends each change that came after the page was read.
	Cursor string
}

// ModulePage is a page of modules.
type ModulePage struct {
	Modules []*Module
	// Unreadable has the digests of modules that are left out because their records are damaged.
	Unreadable []string
	// Next is the token of the next page; empty on the last.
	Next string
}

// SubmitRequest is one workload to submit.
type SubmitRequest struct {
	ID   string // made by the reactor if empty
	Spec Spec
	// TraceParent is the traceparent header of W3C Trace Context, which puts the workload into a trace. It is not
	// part of the spec. A malformed one counts as none.
	TraceParent string
	// TraceState is the tracestate header that belongs to it.
	TraceState string
}

// SubmitResult is the result of one SubmitRequest of a batch.
type SubmitResult struct {
	ID      string
	Created bool
	Err     error // nil or an *errs.Error
}

// CancelRequest says what to cancel: ids or a selector, not both.
type CancelRequest struct {
	IDs           []string
	LabelSelector string
}

// Cancellation is the result of a CancelRequest.
type Cancellation struct {
	// Results has an entry for each id, or for each of the first MaxCancelResults workloads that were selected.
	Results []CancelResult
	// Total is how many workloads the request selected, and Cancelled how many of them it cancelled.
	Total, Cancelled int
}

// CancelResult is the result for one workload of a CancelRequest.
type CancelResult struct {
	ID        string
	Cancelled bool
	Err       error // nil or an *errs.Error
}

// WatchEvent is a change, or only a cursor.
type WatchEvent struct {
	// Cursor resumes the watch after this event.
	Cursor string
	// Workload is the workload after the change. It is nil in the first event, which has the cursor at which the
	// watch starts, and in the last event before the reactor shuts down. Watches share it: it must not be changed.
	Workload *Workload
	// Draining is true if the reactor shuts down and the watch ends.
	Draining bool
}

// Stream is one of a guest's output streams. The values are those of OutputStream in the API.
type Stream uint8

// The streams.
const (
	BothStreams Stream = iota // for a LogRequest
	Stdout
	Stderr
)

// LogRequest says what to read of a workload's log.
type LogRequest struct {
	ID        string
	Stream    Stream  // BothStreams reads both as they were written
	Follow    bool    // continue until the workload has ended
	TailLines *uint32 // start that many lines before the end; nil starts at the beginning
	// Offset starts at that position of the output; not together with TailLines.
	Offset uint64
	// Attempt is the attempt that wrote the byte before Offset; zero if that is not known. If the output of a later
	// one begins before Offset, reading starts there.
	Attempt uint32
	// AttemptStart is when that attempt was started; zero if that is not known. If it was started again since, under the
	// same number, reading starts where its output begins.
	AttemptStart time.Time
	// Since leaves out what was written before.
	Since time.Time
}

// LogChunk is a run of output.
type LogChunk struct {
	Stream Stream
	Data   []byte
	Time   time.Time
	// Offset is the position of the first byte in all that the workload's attempts wrote, kept or not.
	Offset uint64
	// Attempt is the attempt that wrote it.
	Attempt uint32
	// AttemptStart is when that attempt was started; zero if a later one has been started. A daemon that was killed may
	// not have stored a start: then an attempt of the same number is started, and only this tells the two apart.
	AttemptStart time.Time
	// Missing is how many bytes just before were not kept.
	Missing uint64
	// DroppedBytes is set only in the last chunk, and counts the output that was not kept. That chunk may
	// have no data and no stream.
	DroppedBytes uint64
}

// Output is a run of output of a workload, for an attached client.
type Output struct {
	Stream       Stream
	Data         []byte
	Offset       uint64    // of the first byte in all that the workload's attempts wrote, kept or not
	Attempt      uint32    // that wrote it
	AttemptStart time.Time // as in a LogChunk
	Missing      uint64    // bytes just before that were not kept
}

// AttachRequest says which workload a client attaches to, and from where on it wants the output.
type AttachRequest struct {
	ID string
	// Offset, Attempt and AttemptStart are those of a LogRequest.
	Offset       uint64
	Attempt      uint32
	AttemptStart time.Time
	// Client names the client. It takes the place of an attached client of the same name; empty: of none.
	Client string
}
