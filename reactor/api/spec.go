package api

import (
	"time"

	"github.com/reactord/reactord/reactor/grant"
)

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
	Grants []grant.Grant
	// Limits bound what the guest may use; zero fields take the defaults.
	Limits Limits
}

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
