package abi

import (
	"errors"
	"fmt"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/channel"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	hostnet "github.com/reactord/reactord/hostcalls/network/host"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasihttp"
)

// Config configures a process, in terms that every ABI has. Args and Env are shared with the caller, which
// must not change them while the process exists. The process owns everything else.
type Config struct {
	Args   []string      // the program's name, then its arguments
	Env    []string      // KEY=VALUE
	Invoke string        // as in Entry
	Call   *FunctionCall // as in Entry; shared with the caller, who must not change it
	// Channels, unless nil, carries the streams and futures of Call, and gets its result. Without it Call may have none.
	Channels *channel.Exchange
	Serve    *Service // as in Entry; shared with the caller, who must not change it
	Stdin    hostcalls.Source
	Stdout   hostcalls.Sink
	Stderr   hostcalls.Sink
	Grants   []capability.Grant
	Leases   []*lease.Lease    // of the grants, in their order; nil: no grant is ever revoked
	Permit   capability.Permit // nil permits every grant, except for secrets
	// Network is what the process has of the network. Without a stack it is the host's own; without access the process
	// opens nothing by itself.
	Network network.Config
	// HTTP sends the process's requests. Processes may share it. By default it refuses all.
	HTTP wasihttp.Sender
	// Tracer follows the requests that come to a service. Nil: nothing does.
	Tracer wasihttp.Tracer
	// Peer is the process among others, which grants may let it connect to, or be connected by.
	Peer network.Peer
	// Links is the process among others whose functions grants may let it call, or that may call its own.
	Links link.Peer
	// OnOutside, unless nil, is called on the fiber with each path of the program's that leads out of the folder that it is
	// beneath, and is refused for that.
	OnOutside func(path string)

	MemoryBytes int64            // as in engine.InstanceConfig
	StackBytes  int64            // as in engine.InstanceConfig
	Memory      hostcalls.Memory // allots the process its share of the node's memory; nil: no bound
	HeldBytes   int64            // memory held by the caller, such as input; counted as the process's memory
	Descriptors int              // bound on open descriptors, including stdio
	PendingOps  int              // bound on the operations that one host call waits for

	Owner  string            // the process's key in what processes share fairly by owner
	Driver *driver.Driver    // of the executor that it runs on
	Budget *hostcalls.Budget // the daemon's descriptors, shared by all processes; nil: no bound
	Mounts *vfs.Mounts       // the file systems of folders, shared by all processes; nil: not shared

	// Served counts what all services do together; nil: nothing does.
	Served *ServiceTotals

	// Sandbox, unless nil, confines the process to making a state that is to become a module.
	Sandbox *Sandbox

	// OnStart, unless nil, is called on the fiber when the program is about to run. Failures after it are
	// the program's own.
	OnStart func()
}

// The limits of a process whose Config sets none. Only tests set none: a workload's limits always do, and the
// reactor has the defaults of those.
const (
	defaultDescriptors = 1024
	defaultPendingOps  = 1024
)

// SetDefaults sets the zero fields of c to their defaults.
func (c *Config) SetDefaults() {
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
	if c.HTTP == nil {
		c.HTTP = wasihttp.NoSender{}
	}
	if c.Network.Stack == nil {
		c.Network.Stack = hostnet.New(c.Driver)
	}
}

// Validate returns an error that lists all faults of c.
func (c *Config) Validate() error {
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
