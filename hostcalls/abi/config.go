package abi

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Config is what a process starts with, in terms that every ABI has. Args and Env are shared with the
// caller, who does not change them while the process lives; everything else is handed over.
type Config struct {
	Args   []string // the program's name first
	Env    []string // KEY=VALUE
	Invoke string   // the export to call, with the arguments after the name; empty: the program's start
	Stdin  hostcalls.Source
	Stdout hostcalls.Sink
	Stderr hostcalls.Sink
	Grants []capability.Grant
	Permit capability.Permit // nil permits every grant

	MemoryBytes int64            // as engine.InstanceConfig has it
	StackBytes  int64            // as engine.InstanceConfig has it
	Memory      hostcalls.Memory // who gives the process its share of the memory of all; nil: nobody
	HeldBytes   int64            // kept in memory by the caller, such as input; counted as the process's memory
	Descriptors int              // open at a time, stdio among them
	PendingOps  int              // that one host call may wait for

	Owner  string            // on whose behalf it runs, for what processes share by owners
	Driver *driver.Driver    // of the executor that it runs on
	Budget *hostcalls.Budget // the daemon's descriptors that all processes may hold together; nil: no bound
	Mounts *vfs.Mounts       // which file system a folder is on, shared by all processes; nil: of its own

	// OnStart, unless nil, is called on the fiber when the program is about to run: what fails from then
	// on is the program's own.
	OnStart func()
}

// The limits of a process of which nothing is said. Only tests say nothing: a workload's limits do, and what those
// are by default is the reactor's to say.
const (
	defaultDescriptors = 1024
	defaultPendingOps  = 1024
)

// WithDefaults fills in what is zero.
func (c Config) WithDefaults() Config {
	if c.Stdin == nil {
		c.Stdin = hostcalls.Empty{}
	}
	if c.Stdout == nil {
		c.Stdout = hostcalls.Discard{}
	}
	if c.Stderr == nil {
		c.Stderr = hostcalls.Discard{}
	}
	if c.Descriptors == 0 {
		c.Descriptors = defaultDescriptors
	}
	if c.PendingOps == 0 {
		c.PendingOps = defaultPendingOps
	}
	if c.Mounts == nil {
		c.Mounts = vfs.NewMounts()
	}
	return c
}

// Validate reports every fault of c.
func (c Config) Validate() error {
	var faults []error
	if c.Descriptors < 0 {
		faults = append(faults, fmt.Errorf("descriptors: %d is negative", c.Descriptors))
	} else if n := 3 + capability.Handles(c.Grants); c.Descriptors > 0 && c.Descriptors < n {
		faults = append(faults, fmt.Errorf("descriptors: stdio and the grants need %d, the limit is %d", n, c.Descriptors))
	}
	if c.PendingOps < 0 {
		faults = append(faults, fmt.Errorf("pending ops: %d is negative", c.PendingOps))
	}
	return errors.Join(faults...)
}
