package wasip1

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Config is what a process starts with. Args and Env are shared with the caller, who does not
// change them while the process lives; everything else is handed over.
type Config struct {
	Args   []string // the program's name first
	Env    []string // KEY=VALUE
	Stdin  hostcalls.Source
	Stdout hostcalls.Sink
	Stderr hostcalls.Sink
	Grants []capability.Grant
	Permit capability.Permit // nil permits every grant

	Owner  string      // on whose behalf it runs, for what processes share by owners
	Mounts *vfs.Mounts // which file system a folder is on, shared by all processes; all on one

	Descriptors int               // open at a time, stdio among them
	PendingOps  int               // subscriptions of one poll
	Budget      *hostcalls.Budget // the daemon's descriptors that all processes may hold together, and each owner; no bound
	Appends     *Appends          // of all processes that may append to the same files
	Random      io.Reader         // safe for concurrent use
	HeldBytes   int64             // kept in memory by the caller, such as input; counted as the guest's memory
	OnStart     func()            // is called on the fiber when the instance is there, before its first call; nil: none
}

// Defaults of the limits in Config.
const (
	DefaultDescriptors = 1024
	DefaultPendingOps  = 1024
)

func (c Config) withDefaults() Config {
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
		c.Descriptors = DefaultDescriptors
	}
	if c.PendingOps == 0 {
		c.PendingOps = DefaultPendingOps
	}
	if c.Appends == nil {
		c.Appends = NewAppends()
	}
	if c.Random == nil {
		c.Random = rand.Reader
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

// Process is one run of a preview 1 program. All its methods but Ops, PeakMemory and
// ListenAddresses are for the fiber it was made on.
type Process struct {
	hostcalls.Guest
	fds        table
	stdin      stdin
	stdout     stdout
	stderr     stdout
	args       stringList
	env        stringList
	appends    *Appends
	random     io.Reader
	started    time.Time // zero of the monotonic clock
	pendingOps int
	held       int64
	onStart    func()
	memoryless bool // the module has no memory
	granted    *granted
	instance   atomic.Pointer[engine.Instance] // for PeakMemory
}

// NewProcess makes a process on a fiber, without the grants: OpenGrants comes next. An error is a fault of
// config. The caller must Close the process.
func NewProcess(f *executor.Fiber, d *driver.Driver, config Config) (*Process, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	p := &Process{
		args:       newStringList(config.Args),
		env:        newStringList(config.Env),
		appends:    config.Appends,
		random:     config.Random,
		started:    time.Now(),
		pendingOps: config.PendingOps,
		held:       config.HeldBytes,
		onStart:    config.OnStart,
		granted:    &granted{mounts: config.Mounts},
	}
	p.Init(f, d, config.Owner)
	f.SetMeter(p)
	p.fds.init(config.Descriptors, config.Budget, config.Owner)
	p.openStdio(config)
	return p, nil
}

// ListenAddresses returns the addresses of the listener grants, in order.
func (p *Process) ListenAddresses() []string { return p.granted.listening }

// PeakMemory returns the most bytes of memory that the program held so far. Any goroutine may call
// it, at any time.
func (p *Process) PeakMemory() int64 {
	if i := p.instance.Load(); i != nil {
		return i.PeakMemory()
	}
	return 0
}

// Close closes the descriptors. It does not wait, but gives the worker up in between if there are many.
func (p *Process) Close() {
	for _, d := range p.fds.entries {
		if d != nil {
			p.drop(d)
			p.GiveWay()
		}
	}
	p.fds.entries = nil
	p.Fiber().SetMeter(nil)
}

// memoryOf returns the memory of the calling module.
func (p *Process) memoryOf(mod api.Module) memory {
	if p.memoryless {
		return memory{}
	}
	return memory{mod.Memory()}
}

// What host calls cost, in units of fuel: about the time that they take. TestEveryCallIsCharged holds
// what is charged for and in which pieces, BenchmarkCharges that it goes with time.
const (
	// callCost is what any host call costs.
	callCost = 200
	// pieceBytes is what is copied before the quantum is looked at: some microseconds.
	pieceBytes = 64 << 10
	// iovecCost is what a buffer of a list costs, each time that the list is gone through.
	iovecCost = 30
)

// copyCost is what copying n bytes costs once: an eighth of a unit for each.
func copyCost(n int) int64 { return int64(n) >> 3 }

// charge counts work that is about to be done for the guest, and ends it if it may not go on.
func (p *Process) charge(units int64) {
	if err := p.Charge(units); err != nil {
		engine.Abort(err)
	}
}

// sleep is Sleep for host calls: it ends the guest if it is cancelled.
func (p *Process) sleep(due time.Time) {
	if err := p.Sleep(due); err != nil {
		engine.Abort(err)
	}
}

// await is Await for host calls: it ends the guest if it is cancelled. It charges, so that a stream
// that calls itself ready for ever and is not does not keep the worker.
func (p *Process) await(due time.Time, waits ...hostcalls.Wait) {
	p.charge(callCost)
	if err := p.Await(due, waits...); err != nil {
		engine.Abort(err)
	}
}

// blocking is Blocking for host calls: it ends the guest if it is cancelled.
func (p *Process) blocking(op hostcalls.Op, job, discard func()) {
	if err := p.Blocking(op, p.lane(op), job, discard); err != nil {
		engine.Abort(err)
	}
}

// drop closes a descriptor that was in the table.
func (p *Process) drop(d descriptor) { d.close(p, func() { p.fds.forget(d) }) }

// discard closes a descriptor that was not.
func (p *Process) discard(d descriptor) { d.close(p, func() {}) }

// release closes a file or folder on the blocking pool.
func (p *Process) release(path string, closeFile func() error, closed func()) {
	op := fileOp(path, 0)
	p.Release(op, p.lane(op), func() {
		_ = closeFile()
		closed()
	})
}
