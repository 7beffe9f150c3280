package api

import (
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/reactor/grant"
)

// Spec is what a client submits.
type Spec struct {
	// Module is a digest or a tag; in a submitted workload it is the digest.
	Module string
	// Name is for people.
	Name string
	// Labels are for selectors.
	Labels map[string]string
	// Args are the guest's arguments after the program name.
	Args []string
	// Env is the guest's environment.
	Env map[string]string
	// Stdin is the beginning of the guest's standard input.
	Stdin []byte
	// Interactive keeps standard input open for AttachWorkload after Stdin has been read.
	Interactive bool
	// Invoke is the export to call in a module of kind WASIReactor. Args has the arguments of the call.
	Invoke string
	// Call is the function to call in a component; nil: its start, or Invoke.
	Call *FunctionCall
	// Serve has a component serve HTTP at its only listener grant; nil: it does not serve.
	Serve *HTTPService
	// Grants are the capabilities given to the guest.
	Grants []grant.Grant
	// Limits bound what the guest may use; zero fields take the defaults.
	Limits Limits
	// OutputMode says what happens to output that is more than the log keeps.
	OutputMode OutputMode
	// StdoutTo is the id of the workload that reads the guest's standard output; empty: it is kept in the log.
	StdoutTo string
	// StdinFrom is the id of the workload whose standard output the guest reads as its standard input.
	StdinFrom string
	// GrantMode says what is noted when the guest is refused something for want of a grant.
	GrantMode GrantMode
}

// GrantMode says what is noted when a guest is refused something for want of a grant. The values are on disk.
type GrantMode uint8

// The grant modes.
const (
	EnforceGrants GrantMode = 0 // nothing
	ReportGrants  GrantMode = 2 // what it was refused
)

// OutputMode says what happens to output that is more than the log keeps. The values are on disk.
type OutputMode uint8

// The output modes.
const (
	KeepOutput    OutputMode = 0 // the guest never waits for a client
	DeliverOutput OutputMode = 2 // the guest waits for an attached client
)

// Limits bound one workload. In a Spec a zero field takes the default.
type Limits struct {
	MemoryBytes uint64        // linear memory
	Fuel        uint64        // about one unit per instruction; zero is unbounded
	Timeout     time.Duration // from the first start to the end; zero is unbounded
	StackBytes  uint64        // the guest's call stack
	LogBytes    uint64        // bytes that are kept of stdout and stderr together
	Descriptors uint32        // open descriptors
	PendingOps  uint32        // pending host operations
	Connections uint32        // open sockets

	SentBytes      uint64 // bytes sent over the network in all; zero is unbounded
	ReceivedBytes  uint64 // bytes received over the network in all; zero is unbounded
	BytesPerSecond uint64 // rate of each direction of the network; zero is unbounded
}

// FunctionCall is a call of a function that a component exports.
type FunctionCall struct {
	Export string
	Args   []value.Literal
}

// CallResult is how a call ended that was made without a workload.
type CallResult struct {
	Status        Status
	Output        []byte // the beginning of what the guest wrote
	OutputDropped uint64 // bytes that it wrote beyond that
	Fault         error  // of the daemon, for its log
}
