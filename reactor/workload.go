package reactor

import "time"

// Spec is what a user submits.
type Spec struct {
	// Module is a digest or a tag; a submitted workload has the digest.
	Module string
	// Name is for people.
	Name string
	// Labels are for selection.
	Labels map[string]string
	// Args are the guest's arguments after the program name.
	Args []string
	// Env is the guest's environment.
	Env map[string]string
	// Stdin is what the guest reads from its standard input.
	Stdin []byte
	// Interactive keeps standard input open for AttachWorkload after Stdin has been read.
	Interactive bool
	// Invoke is the export to call: a name in a module of kind WASIReactor. Arguments of the
	// call are taken from Args.
	Invoke string
	// Grants are the capabilities handed to the guest.
	Grants []Grant
	// Limits bound what the guest may use; zero fields take the defaults.
	Limits Limits
}

// Grant is one capability: a DirectoryGrant, a ListenerGrant or a ConnectionGrant.
type Grant interface{ grant() }

// DirectoryGrant opens a host folder to the guest.
type DirectoryGrant struct {
	HostPath  string
	GuestPath string
	ReadOnly  bool
}

// ListenerGrant hands the guest a listening socket.
type ListenerGrant struct{ Address string }

// ConnectionGrant hands the guest one open connection.
type ConnectionGrant struct{ Address string }

func (DirectoryGrant) grant()  {}
func (ListenerGrant) grant()   {}
func (ConnectionGrant) grant() {}

// Limits bound one workload. In a Spec a zero field takes the default.
type Limits struct {
	MemoryBytes uint64        // linear memory
	Fuel        uint64        // instructions, about; zero is unbounded
	Timeout     time.Duration // from the first start to the end; zero is unbounded
	StackBytes  uint64        // the guest's call stack
	LogBytes    uint64        // what is kept of stdout and stderr together
	Descriptors uint32        // open descriptors
	PendingOps  uint32        // host operations under way
}

// Workload is a submitted workload. What the reactor hands out is the caller's own snapshot,
// though it may share the spec's maps and slices with other snapshots: they are not to be changed.
type Workload struct {
	ID     string
	Spec   Spec
	Status Status
}

// State is where a workload is in its life. The values are those of WorkloadState in the API.
type State uint8

// The states.
const (
	_         State = iota
	Pending         // stored, not started
	Running         // started, and computing or ready to
	Waiting         // started, and waiting for host operations
	Succeeded       // exited with code 0, or the invoked export returned
	Failed          // ended in any other way
	Cancelled       // cancelled by a client
)

// Ended tells whether the state is a last one.
func (s State) Ended() bool { return s >= Succeeded }

// Live tells whether the workload has been started and has not ended.
func (s State) Live() bool { return s == Running || s == Waiting }

// String is the state's name in the API, without the prefix.
func (s State) String() string {
	switch s {
	case Pending:
		return "PENDING"
	case Running:
		return "RUNNING"
	case Waiting:
		return "WAITING"
	case Succeeded:
		return "SUCCEEDED"
	case Failed:
		return "FAILED"
	case Cancelled:
		return "CANCELLED"
	default:
		return "UNSPECIFIED"
	}
}

// Reason is why a workload ended. The values are those of EndReason in the API.
type Reason uint8

// The reasons.
const (
	NotEnded            Reason = iota
	ReasonExit                 // the guest exited, or the invoked export returned
	ReasonTrap                 // the guest trapped
	ReasonOutOfFuel            // it used up its fuel
	ReasonOutOfMemory          // the memory it starts with could not be had
	ReasonStackOverflow        // its call stack outgrew the limit
	ReasonDeadline             // its timeout passed
	ReasonCancelled            // a client cancelled it
	ReasonInvalidModule        // the module could not be instantiated
	ReasonGrantDenied          // a grant could not be given
	ReasonInternal             // a fault of the daemon
	ReasonNodeMemory           // the node had no more memory, though the workload's limits did
	ReasonDaemonDied           // the daemon died several times while it ran
)

// String is the reason's name in the API, without the prefix.
func (r Reason) String() string {
	switch r {
	case ReasonExit:
		return "EXIT"
	case ReasonTrap:
		return "TRAP"
	case ReasonOutOfFuel:
		return "OUT_OF_FUEL"
	case ReasonOutOfMemory:
		return "OUT_OF_MEMORY"
	case ReasonStackOverflow:
		return "STACK_OVERFLOW"
	case ReasonDeadline:
		return "DEADLINE"
	case ReasonCancelled:
		return "CANCELLED"
	case ReasonInvalidModule:
		return "INVALID_MODULE"
	case ReasonGrantDenied:
		return "GRANT_DENIED"
	case ReasonInternal:
		return "INTERNAL"
	case ReasonNodeMemory:
		return "NODE_MEMORY"
	case ReasonDaemonDied:
		return "DAEMON_DIED"
	default:
		return "UNSPECIFIED"
	}
}

// Status is what became of a workload. Times that are not known yet are zero.
type Status struct {
	State           State
	Reason          Reason
	ExitCode        *uint32 // nil unless the guest exited
	Message         string
	Attempts        uint32
	CreateTime      time.Time
	StartTime       time.Time // of the current attempt
	EndTime         time.Time
	Usage           Usage
	WaitingFor      []Op
	Results         []string
	ListenAddresses []string
	Delay           *Delay // nil unless it is Pending and delayed
}

// Delay is why a workload whose turn it was has not been started, and when that is tried again.
type Delay struct {
	Reason   DelayReason
	Message  string
	Failures uint32 // in a row
	Until    time.Time
}

// DelayReason is what a delayed workload waits for. The values are those of DelayReason in the API.
type DelayReason uint8

// String is the reason's name in the API, without the prefix.
func (r DelayReason) String() string {
	if int(r) < len(delayReasons) {
		return delayReasons[r]
	}
	return "UNSPECIFIED"
}

// delayReasons are the names, by retry.Trouble.
var delayReasons = [...]string{
	"UNSPECIFIED", "DESCRIPTORS", "MEMORY", "DISK_FULL", "DISK", "BUSY", "NETWORK", "COMPILER", "MODULE_DAMAGED", "DAEMON_DIED",
}

// Usage is what a workload has used, over all attempts.
type Usage struct {
	Fuel            uint64
	CPUTime         time.Duration
	WaitingTime     time.Duration
	PeakMemoryBytes uint64
	LogBytes        uint64 // written to stdout and stderr
	LogBytesDropped uint64 // those of them that were not kept
}

// Op is one pending host operation.
type Op struct {
	WorkloadID string
	Kind       string
	Target     string
	StartTime  time.Time
	Deadline   time.Time // zero: none
	Bytes      uint64
}

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

// SubmitRequest is one workload to submit.
type SubmitRequest struct {
	ID   string // made by the reactor if empty
	Spec Spec
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
	// watch started, and in the last one of a reactor that shuts down.
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
