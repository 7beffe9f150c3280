package reactor

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"
	"runtime"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/policy"
	"github.com/reactord/reactord/reactor/store"
)

// Read is how much is read from the store at one go.
type Read int

const (
	// ReadOne is a record.
	ReadOne Read = iota
	// ReadMany is a page of records, or what a watch has missed.
	ReadMany
)

// Config says how a Reactor runs. The zero value of every field but DataDir and ABIs takes a default.
type Config struct {
	// DataDir is where the compile cache is kept, and what tells a crash from a shutdown; the store's
	// bound follows from its disk. It is made if it does not exist, is used by one Reactor at a
	// time, and is never granted.
	DataDir string
	// ABIs run the modules. A Reactor has its own.
	ABIs []abi.ABI
	// Version is the daemon's version, as Node tells it.
	Version string
	// Logger gets what operators need to know; none by default.
	Logger *zap.Logger
	// Reading is called before something is read from the store for a client that may be large, with
	// the context of the client's call, and what it returns when it has been decoded. It may wait
	// for others to be done. None by default.
	Reading func(context.Context, Read) (done func(), err error)
	// OnOutage is called when the store can't be written to any more, with the cause, and with nil when it can again. New work is
	// refused in between. It is called on the store's goroutine and must not block. None by default.
	OnOutage func(cause error)
	// Hooks are called in the course of each workload's life. None by default.
	Hooks hooks.Hooks
	// TraceHTTP returns what follows the HTTP requests that an attempt gets and sends. It is called when the attempt is made, and must
	// not block. By default nothing follows them.
	TraceHTTP func(hooks.Event) wasihttp.Tracer
	// OnCommitted is called after each commit of the store, for metrics. All commits wait for it, so it must not block.
	OnCommitted func(store.Commit)
	// OpenOutput returns what gets a copy of what an attempt prints to its log. It is called when the attempt prints for the first time, on
	// the worker, and must not block. By default nothing gets one.
	OpenOutput func(hooks.Source) hooks.Output

	// AdmitSigner reports whether new workloads and calls may have a module of a signer, which is as in an api.Module. It must not
	// block. By default they may have all modules.
	AdmitSigner func(signer string) bool

	// Workers is the number of workers that run guests: GOMAXPROCS.
	Workers int
	// Quantum is the fuel a guest may burn before it gives the worker up: 500,000, about 200 us of compiled
	// WebAssembly. More than 2^31-1, which takes most of a second, counts as that.
	Quantum int64
	// BlockingThreads bounds the threads for host operations that block: 64.
	BlockingThreads int
	// Compilers bounds how many modules are compiled at a time: half of the workers, at least 1.
	Compilers int
	// Compiler is a command that calls CompilerMain. Each module is compiled by a process of it,
	// within bounds, for nothing can stop a compilation in this one; without it all modules
	// have to be trusted.
	Compiler []string
	// CompileMemoryBytes bounds the memory of the compilations under way together, but for that of one small
	// module: half of the machine's memory. A module that needs more to be compiled is refused.
	CompileMemoryBytes int64
	// IdleModules is how many compiled modules are held in memory that no guest uses: 16. A component is one module.
	IdleModules int
	// ModuleMemoryBytes bounds what all compiled modules take in memory, about: an eighth of the
	// machine's memory.
	ModuleMemoryBytes int64
	// Starting bounds the workloads that were given to the workers and have not run yet: 64 for
	// each worker. More would only make those that run wait behind those that start.
	Starting int

	// DefaultLimits apply where a workload sets none.
	DefaultLimits api.Limits
	// MaxLimits are the most a workload may ask for; a zero field (Fuel, Timeout, the bytes sent and received) is no maximum.
	MaxLimits api.Limits
	// MemoryBytes bounds linear memory and stacks of all guests together: three quarters of the
	// machine or control group.
	MemoryBytes int64
	// MaxLive bounds workloads that have started and not ended: 1,000,000.
	MaxLive int
	// MaxPending bounds workloads that wait to be started: 1,000,000.
	MaxPending int
	// MaxPendingBytes bounds what those take: their specs and labels, and 1 KiB for each. A quarter of
	// the memory of the machine or control group.
	MaxPendingBytes int64
	// CrashLimit is after how many deaths of the daemon in a row a workload that had just been started
	// alone each time is set apart instead of being started again: 3; 2 is the least.
	CrashLimit int
	// LogMemoryBytes bounds the output held in memory before it is in the store: 64 MiB.
	LogMemoryBytes int64

	// MaxModuleBytes bounds the size of one module: 256 MiB.
	MaxModuleBytes int64
	// MaxModuleFunctions bounds the functions of one module: 1,000,000.
	MaxModuleFunctions int
	// MaxFunctionBytes bounds the code of one function: 7,654,321 bytes, which is what browsers take.
	MaxFunctionBytes int64
	// MaxTableElements bounds the elements that the tables of one module begin with: 10,000,000, as in browsers.
	// Each takes 8 bytes of an instance's memory.
	MaxTableElements int
	// StoreBytes bounds what workloads, results and logs take on disk: a quarter of the disk, 64 MiB
	// at least and 64 GiB at most. From three quarters of it on, the oldest results go.
	StoreBytes int64
	// ModuleStoreBytes bounds the size of all modules together: 16 GiB. From seven eighths of it on, and when a push
	// needs room, the least recently used modules that nothing refers to go.
	ModuleStoreBytes int64
	// CompileCacheBytes bounds the compile cache on disk: 4 GiB.
	CompileCacheBytes int64

	// MaxArguments bounds the number of arguments of a workload: 4096; and of its environment.
	MaxArguments int
	// MaxArgumentBytes bounds arguments and environment together: 1 MiB.
	MaxArgumentBytes int
	// MaxStdinBytes bounds the input submitted with a workload: 2 MiB. With as much of it and of arguments
	// as it may have, a workload fits into the 4 MiB that gRPC clients take if nobody tells them otherwise.
	MaxStdinBytes int
	// MaxGrants bounds the grants of a workload: 64.
	MaxGrants int
	// Allow is what may be granted at most. The zero value allows no grant.
	Allow policy.Policy
	// Private are paths that are never granted, nor what lies in them, nor what contains them, beside
	// DataDir.
	Private []string
	// OwnAddresses are where the daemon serves. No guest is connected to them.
	OwnAddresses []netip.AddrPort
	// MaxLabels bounds the labels of a workload: 64.
	MaxLabels int

	// RetainFinished is how long a finished workload is kept: 24 h, in which the daemon is up. Negative
	// keeps it until there are too many, or they take too much.
	RetainFinished time.Duration
	// RetainModules is how long a module is kept after its last use, if no tag and no workload refers to it: 720 h, which
	// are 30 days, in which the daemon is up. Negative keeps it until modules need the room.
	RetainModules time.Duration
	// RetainCount bounds how many finished workloads are kept: 1,000,000.
	RetainCount int
	// GracePeriod is how long Shutdown lets running workloads run on: 10 s. Negative is none.
	GracePeriod time.Duration
}

const (
	kib = 1 << 10
	mib = 1 << 20
	gib = 1 << 30
)

// withDefaults fills in what is zero. What the daemon runs with by default is here and nowhere else: the
// packages below get it passed down, and their own defaults are for their tests. StoreBytes is left to
// open, which has the disk to look at.
func (c Config) withDefaults() Config {
	if c.Logger == nil {
		c.Logger = zap.NewNop()
	}
	if c.Reading == nil {
		c.Reading = func(context.Context, Read) (func(), error) { return func() {}, nil }
	}
	if c.AdmitSigner == nil {
		c.AdmitSigner = func(string) bool { return true }
	}
	c.Workers = cmp.Or(c.Workers, runtime.GOMAXPROCS(0))
	c.Quantum = cmp.Or(c.Quantum, 500_000)
	c.BlockingThreads = cmp.Or(c.BlockingThreads, 64)
	c.Compilers = cmp.Or(c.Compilers, max(1, c.Workers/2))
	c.Starting = cmp.Or(c.Starting, 64*c.Workers)
	c.MaxLimits = c.MaxLimits.Or(api.Limits{
		MemoryBytes: 4 * gib,
		StackBytes:  64 * mib,
		LogBytes:    256 * mib,
		Descriptors: 64 * kib,
		PendingOps:  64 * kib,
		Connections: 64 * kib,
	})
	c.DefaultLimits = c.DefaultLimits.Or(api.Limits{
		MemoryBytes: 256 * mib,
		StackBytes:  8 * mib,
		LogBytes:    1 * mib,
		Descriptors: 256,
		PendingOps:  1024,
		Connections: 64 * kib, // as many as there are descriptors
	}.Within(c.MaxLimits))
	c.MemoryBytes = cmp.Or(c.MemoryBytes, int64(process.MachineMemory()/4*3))
	c.CompileMemoryBytes = cmp.Or(c.CompileMemoryBytes, int64(process.MachineMemory()/2))
	c.IdleModules = cmp.Or(c.IdleModules, 16)
	c.ModuleMemoryBytes = cmp.Or(c.ModuleMemoryBytes, int64(process.MachineMemory()/8))
	c.MaxLive = cmp.Or(c.MaxLive, 1_000_000)
	c.MaxPending = cmp.Or(c.MaxPending, 1_000_000)
	c.MaxPendingBytes = cmp.Or(c.MaxPendingBytes, int64(process.MachineMemory()/4))
	c.CrashLimit = max(cmp.Or(c.CrashLimit, 3), 2)
	c.LogMemoryBytes = cmp.Or(c.LogMemoryBytes, 64*mib)
	c.MaxModuleBytes = cmp.Or(c.MaxModuleBytes, 256*mib)
	c.MaxModuleFunctions = cmp.Or(c.MaxModuleFunctions, 1_000_000)
	c.MaxFunctionBytes = cmp.Or(c.MaxFunctionBytes, 7_654_321)
	c.MaxTableElements = cmp.Or(c.MaxTableElements, 10_000_000)
	c.ModuleStoreBytes = cmp.Or(c.ModuleStoreBytes, 16*gib)
	c.CompileCacheBytes = cmp.Or(c.CompileCacheBytes, 4*gib)
	c.MaxArguments = cmp.Or(c.MaxArguments, 4096)
	c.MaxArgumentBytes = cmp.Or(c.MaxArgumentBytes, 1*mib)
	c.MaxStdinBytes = cmp.Or(c.MaxStdinBytes, 2*mib)
	c.MaxGrants = cmp.Or(c.MaxGrants, 64)
	c.MaxLabels = cmp.Or(c.MaxLabels, 64)
	c.RetainFinished = cmp.Or(c.RetainFinished, 24*time.Hour)
	c.RetainModules = cmp.Or(c.RetainModules, 30*24*time.Hour)
	c.RetainCount = cmp.Or(c.RetainCount, 1_000_000)
	c.GracePeriod = cmp.Or(c.GracePeriod, 10*time.Second)
	return c
}

// bounds are what a submission may have at most.
func (c *Config) bounds() intake.Bounds {
	return intake.Bounds{
		Labels: c.MaxLabels, Arguments: c.MaxArguments, Grants: c.MaxGrants,
		ArgumentBytes: c.MaxArgumentBytes, StdinBytes: c.MaxStdinBytes, Limits: c.MaxLimits,
	}
}

// Validate reports every fault of the configuration. What is zero takes a default and is no fault.
func (c Config) Validate() error {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }
	if c.DataDir == "" {
		fault("DataDir is empty")
	} else if !filepath.IsAbs(c.DataDir) {
		fault("DataDir %q is not absolute", c.DataDir)
	}
	for _, f := range []struct {
		name  string
		value int64
	}{
		{"Workers", int64(c.Workers)},
		{"Quantum", c.Quantum},
		{"BlockingThreads", int64(c.BlockingThreads)},
		{"Compilers", int64(c.Compilers)},
		{"CompileMemoryBytes", c.CompileMemoryBytes},
		{"IdleModules", int64(c.IdleModules)},
		{"ModuleMemoryBytes", c.ModuleMemoryBytes},
		{"Starting", int64(c.Starting)},
		{"MemoryBytes", c.MemoryBytes},
		{"MaxLive", int64(c.MaxLive)},
		{"MaxPending", int64(c.MaxPending)},
		{"MaxPendingBytes", c.MaxPendingBytes},
		{"CrashLimit", int64(c.CrashLimit)},
		{"LogMemoryBytes", c.LogMemoryBytes},
		{"MaxModuleBytes", c.MaxModuleBytes},
		{"MaxModuleFunctions", int64(c.MaxModuleFunctions)},
		{"MaxFunctionBytes", c.MaxFunctionBytes},
		{"MaxTableElements", int64(c.MaxTableElements)},
		{"StoreBytes", c.StoreBytes},
		{"ModuleStoreBytes", c.ModuleStoreBytes},
		{"CompileCacheBytes", c.CompileCacheBytes},
		{"MaxArguments", int64(c.MaxArguments)},
		{"MaxArgumentBytes", int64(c.MaxArgumentBytes)},
		{"MaxStdinBytes", int64(c.MaxStdinBytes)},
		{"MaxGrants", int64(c.MaxGrants)},
		{"MaxLabels", int64(c.MaxLabels)},
		{"RetainCount", int64(c.RetainCount)},
		{"DefaultLimits.Timeout", int64(c.DefaultLimits.Timeout)},
		{"MaxLimits.Timeout", int64(c.MaxLimits.Timeout)},
	} {
		if f.value < 0 {
			fault("%s is negative: %d", f.name, f.value)
		}
	}
	if c.LogMemoryBytes > 0 && c.LogMemoryBytes < mib {
		fault("LogMemoryBytes is %d, which is less than 1 MiB", c.LogMemoryBytes)
	}
	d := c.withDefaults()
	for _, over := range intake.Excesses(d.DefaultLimits, d.MaxLimits) {
		fault("DefaultLimits.%s is %s, above MaxLimits.%[1]s, which is %[3]s", over.Field, over.Value, over.Maximum)
	}
	return errors.Join(faults...)
}
