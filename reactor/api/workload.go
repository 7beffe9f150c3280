package api

import (
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/hostcalls/activity"
	"github.com/reactord/reactord/reactor/grant"
)

// Workload is a submitted workload. What the reactor returns is the caller's own snapshot, but it may share the spec's
// maps and slices with other snapshots: they must not be changed.
type Workload struct {
	ID     string
	Spec   Spec
	Status Status
}

// State is the state of a workload. The values are those of WorkloadState in the API.
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

// Ended reports whether the state is final.
func (s State) Ended() bool { return s >= Succeeded }

// Live reports whether the workload has been started and has not ended.
func (s State) Live() bool { return s == Running || s == Waiting }

// String returns the state's name in the API, without the prefix.
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
	NotEnded             Reason = iota
	ReasonExit                  // the guest exited, or the invoked export returned
	ReasonTrap                  // the guest trapped
	ReasonOutOfFuel             // it used up its fuel
	ReasonOutOfMemory           // it needs more memory to start than it may have
	ReasonStackOverflow         // its call stack outgrew the limit
	ReasonDeadline              // its timeout passed
	ReasonCancelled             // a client cancelled it
	ReasonInvalidModule         // the module could not be instantiated
	ReasonGrantDenied           // a grant could not be opened
	ReasonInternal              // a fault of the daemon
	ReasonNodeMemory            // the node has too little memory for it, though its own limits allow it
	ReasonDaemonDied            // the daemon died several times while it ran
	ReasonResultTooLarge        // the called function returned more than is kept
	Reasons                     // how many there are, with NotEnded
)

// String returns the reason's name in the API, without the prefix.
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
	case ReasonResultTooLarge:
		return "RESULT_TOO_LARGE"
	default:
		return "UNSPECIFIED"
	}
}

// Status is the status of a workload. Times that are not known yet are zero.
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
	CPUShare        float64 // of a processor, used lately; only in lists of the busiest
	WaitingFor      []Op
	Calls           int            // of a component that are in progress
	Activity        *Activity      // what they do; only of a workload that is asked for by its id
	Stuck           string         // if nothing can wake the guest any more, what is known of it
	Results         []string       // of the invoked export
	Result          *value.Literal // of the called function; nil if it returns nothing, or has not returned
	ListenAddresses []string
	Delay           *Delay // nil unless it is Pending and delayed, or has ended and that can't be recorded
	Crash           *Crash // nil unless the guest crashed
	Revoked         []Revocation
	Service         *ServiceStatus // nil unless it serves, and has been started
}

// Activity is what the calls of a component do.
type Activity = activity.Activity

// Revocation says that a grant was revoked.
type Revocation struct {
	Grant int // its index in the spec
	Time  time.Time
}

// Grants are the grants of a workload, and what it was refused for want of one.
type Grants struct {
	Grants      []GrantStatus   // in the order of the spec
	Refused     []RefusedAccess // in the order in which it was refused first
	RefusedMore bool            // there was more than Refused has
	Missing     []grant.Grant   // the smallest set of grants that would have been enough for Refused
}

// GrantStatus is one grant and what became of it.
type GrantStatus struct {
	Grant       grant.Grant
	RevokeTime  time.Time // zero if it was not revoked
	Descriptors int       // that are open through it
}

// RefusedAccess is something that a guest tried without a grant, or that the operator does not allow.
type RefusedAccess struct {
	Kind      OpKind
	Target    string
	Name      string // that the guest had looked up for the address in Target, if it had to be granted as such
	Protocol  grant.Protocol
	Forbidden bool // the operator does not allow it: no grant would be enough
	FirstTime time.Time
	Count     uint64
}

// RevokeRequest says which grants of a workload to revoke: some, by their indices in the spec, or all.
type RevokeRequest struct {
	ID     string
	Grants []int
	All    bool
}

// Crash says where and why a guest crashed.
type Crash struct {
	Trap          string // as WebAssembly calls it
	Cause         string // the refusal that the guest probably gave up for; empty if there was none
	Frames        []StackFrame
	FramesOmitted uint32
}

// StackFrame is one call on a guest's stack.
type StackFrame struct {
	Function      string // as its author wrote it; empty if the module has no names
	Symbol        string // as the module has it, if that differs
	FunctionIndex uint32
	CodeOffset    uint64 // where its code begins in the module's file, in bytes
}

// Delay says why a workload whose turn has come was not started, and when that is tried again; or why its end can't be
// recorded.
type Delay struct {
	Reason   DelayReason
	Message  string
	Failures uint32 // in a row
	Until    time.Time
}

// DelayReason is what a delayed workload waits for. The values are those of DelayReason in the API.
type DelayReason uint8

// String returns the reason's name in the API, without the prefix.
func (r DelayReason) String() string {
	if int(r) < len(delayReasons) {
		return delayReasons[r]
	}
	return "UNSPECIFIED"
}

// delayReasons has the names, in the order of retry.Trouble.
var delayReasons = [...]string{
	"UNSPECIFIED", "DESCRIPTORS", "MEMORY", "DISK_FULL", "DISK", "BUSY", "NETWORK", "COMPILER", "MODULE_DAMAGED", "DAEMON_DIED", "NODE_MEMORY",
}

// Usage is what a workload has used, in all attempts together.
type Usage struct {
	Fuel            uint64
	CPUTime         time.Duration
	WaitingTime     time.Duration
	PeakMemoryBytes uint64
	LogBytes        uint64 // written to stdout and stderr
	LogBytesDropped uint64 // bytes of these that were not kept
	ReadyTime       time.Duration
	Waits           []WaitUsage // WaitingTime by what was waited for, in the order of the kinds
	SentBytes       uint64      // over the network
	ReceivedBytes   uint64      // over the network
}

// WaitUsage is the time spent waiting for one kind of operation.
type WaitUsage struct {
	Kind  OpKind
	Time  time.Duration
	Count uint64
}

// Op is one pending host operation.
type Op struct {
	WorkloadID  string
	Kind        OpKind
	Target      string
	StartTime   time.Time
	Deadline    time.Time // zero: none
	Bytes       uint64    // the size of the buffer that it reads into or writes from
	Transferred uint64    // bytes that have gone through what it acts on, in its direction
	Grant       string    // that it uses, as the command line has it; empty: none
	Reason      string    // why it lasts, if another workload is to accept a connection and can not; empty otherwise
	Peer        string    // the workload at the other end; empty: there is none, or it is not known
}

// OpKind is a kind of host operation. The values are those of OpKind in the API.
type OpKind uint8

// OpGroup is all pending operations of one kind on one target.
type OpGroup struct {
	Kind             OpKind
	Target           string // empty for timers, and for operations on the guests' own streams
	Count            uint64
	OldestStartTime  time.Time
	OldestWorkloadID string
	Peers            []string // workloads at the other end, if there are some: the first ones by id
}

// OpSummary says how many operations are pending.
type OpSummary struct {
	Groups  []OpGroup // the largest, the largest first
	Others  uint64    // operations in no group
	Waiting uint64    // workloads that wait for these operations
	Stuck   uint64    // workloads that nothing can wake any more
}
