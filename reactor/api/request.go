package api

import "time"

// Filter selects workloads; empty fields select all.
type Filter struct {
	States        []State // Running and Waiting each select both
	LabelSelector string
	Module        string // a digest or a tag
}

// Page asks for a part of a list.
type Page struct {
	Size  int    // 100 if zero, 1000 at most
	Token string // from the page before; empty is the first
}

// WorkloadPage is a page of workloads.
type WorkloadPage struct {
	Workloads []*Workload
	// Unreadable are the ids of those that are left out since their records are damaged.
	Unreadable []string
	// Next is the token of the next page; empty on the last.
	Next string
}

// ModulePage is a page of modules.
type ModulePage struct {
	Modules []*Module
	// Unreadable are the digests of those that are left out since their records are damaged.
	Unreadable []string
	// Next is the token of the next page; empty on the last.
	Next string
}

// SubmitRequest is one workload to submit.
type SubmitRequest struct {
	ID   string // made by the reactor if empty
	Spec Spec
	// TraceParent is the header traceparent of W3C Trace Context, by which the workload is found in a trace. It is
	// no part of the spec. One that is malformed is taken for none.
	TraceParent string
}

// SubmitResult is what became of one SubmitRequest of a batch.
type SubmitResult struct {
	ID      string
	Created bool
	Err     error // nil or an *errs.Error
}

// CancelRequest names what to cancel: ids or a selector, not both.
type CancelRequest struct {
	IDs           []string
	LabelSelector string
}

// Cancellation is what became of the workloads of a CancelRequest.
type Cancellation struct {
	// Results has an entry for each id, or for each of the first MaxCancelResults that were selected.
	Results []CancelResult
	// Total is how many workloads the request was about, and Cancelled how many of them it cancelled.
	Total, Cancelled int
}

// CancelResult is what became of one workload of a CancelRequest.
type CancelResult struct {
	ID        string
	Cancelled bool
	Err       error // nil or an *errs.Error
}

// WatchEvent is one change, or only a cursor.
type WatchEvent struct {
	// Cursor resumes the watch after this event.
	Cursor string
	// Workload is the workload after the change; nil in the first event, which tells where the
	// watch started, and in the last one of a reactor that shuts down. Watches share it: it is not to be changed.
	Workload *Workload
	// Draining tells that the reactor shuts down and the watch ends.
	Draining bool
}

// Stream is one of a guest's output streams. The values are those of OutputStream in the API.
type Stream uint8

// The streams.
const (
	BothStreams Stream = iota // in a LogRequest
	Stdout
	Stderr
)

// LogRequest says what to read of a workload's log.
type LogRequest struct {
	ID        string
	Stream    Stream  // BothStreams reads both as they were written
	Follow    bool    // go on until the workload has ended
	TailLines *uint32 // start that many lines before the end; nil starts at the beginning
}

// LogChunk is a run of output.
type LogChunk struct {
	Stream Stream
	Data   []byte
	Time   time.Time
	// DroppedBytes, in the last chunk only, counts the output that was not kept. That chunk may
	// have no data and no stream.
	DroppedBytes uint64
}

// Output is a run of output of a workload that a client is attached to.
type Output struct {
	Stream Stream
	Data   []byte
}
