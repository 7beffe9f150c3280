package attempt

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/learn"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/terminal"
)

// FirstStackBytes is the memory reserved for a guest's stack when it starts.
const FirstStackBytes = 64 << 10

// Host is what all attempts of a reactor share.
type Host struct {
	equip.Host
	Spool *logbuf.Spool
	// Descriptors bounds how many of the process's file descriptors guests hold: without it a guest that opens
	// many files could keep clients from connecting.
	Descriptors *hostcalls.Budget
	// Mounts tells which file systems the guests' folders are on.
	Mounts *vfs.Mounts
}

// Config is what an attempt runs.
type Config struct {
	ID     string
	Number uint32 // from 1 on
	Spec   *api.Spec
	Module abi.Program
	Port   *terminal.Port  // where clients attach; nil if none can
	Past   *Past           // nil: there were no earlier attempts
	LogEnd int64           // where the log ends that earlier attempts left in the store
	Tracer wasihttp.Tracer // follows HTTP requests; nil: nothing does
	// OpenOutput returns what gets a copy of the output, once there is some; nil: nothing does.
	OpenOutput func() hooks.Output
}

// Owner is who starts an attempt.
type Owner interface {
	// Memory is the attempt's share of the node's memory.
	hostcalls.Memory
	// OnGuestStart is called on the fiber before guest code runs. Failures after it are the guest's own.
	OnGuestStart()
	// OnDeadline is called on the driver's goroutine or on a worker, when the workload's timeout has passed.
	OnDeadline()
	// OnNetworkFailure is called on the fiber when the guest did not get something of the network. For each kind and target
	// it is called at the first time, the tenth, the hundredth and so on. It must not block.
	OnNetworkFailure(f NetworkFailure)
}

// Attempt is one run of a workload. Its exported fields do not change after Init.
type Attempt struct {
	Number  uint32
	Limits  api.Limits
	Started time.Time
	First   time.Time // when the first attempt was started

	id     string
	host   *Host
	owner  Owner
	copies *copies // of output; nil: there are none
	module abi.Program
	config *abi.Config // until the process is made

	leases   []*lease.Lease   // of the grants, in their order
	refusals *learn.Recorder  // of what the guest is refused
	traffic  *network.Traffic // of all attempts; nil without grants
	before   api.Usage        // of the attempts before
	timer    *driver.Timer

	task    atomic.Pointer[executor.Task]
	process atomic.Pointer[abi.Process] // while it runs
	log     atomic.Pointer[logbuf.Log]  // made by the first user
	load    load

	failures failures
	sender   *sender // nil: the guest has no grants

	begun   bool            // the guest has; the fiber's
	outcome outcome.Outcome // the worker's until Ended has returned
}

// Init makes a an attempt that starts now.
func (a *Attempt) Init(host *Host, owner Owner, cfg *Config) {
	now := time.Now()
	a.Number, a.Limits, a.Started, a.First = cfg.Number, cfg.Spec.Limits, now, now
	a.id, a.host, a.owner, a.module = cfg.ID, host, owner, cfg.Module
	a.load.at = now
	if past := cfg.Past; past != nil {
		a.before = past.Usage
		if !past.First.IsZero() {
			a.First = past.First
		}
		a.log.Store(host.Spool.NewLog(a.id, a.Number, a.Limits.LogBytes, logbuf.Origin{
			Written: max(int64(a.before.LogBytes), cfg.LogEnd),
			Dropped: int64(a.before.LogBytesDropped),
		}))
	}
	if cfg.OpenOutput != nil {
		a.copies = &copies{open: cfg.OpenOutput}
	}
	a.refusals = recorder(cfg.Spec, cfg.Past)
	a.config = a.processConfig(cfg)
}

// Arm starts the timer that calls the owner's OnDeadline, if the workload has a timeout. The timeout counts from the
// first start.
func (a *Attempt) Arm() {
	if a.Limits.Timeout <= 0 {
		return
	}
	a.timer = new(driver.Timer)
	a.timer.Init(func(time.Time) { a.owner.OnDeadline() })
	a.host.Driver.Start(a.timer, a.Deadline())
}

// Deadline returns when the workload's timeout passes; zero if it has none.
func (a *Attempt) Deadline() time.Time {
	if a.Limits.Timeout <= 0 {
		return time.Time{}
	}
	return a.First.Add(a.Limits.Timeout)
}

// Disarm stops the timer.
func (a *Attempt) Disarm() {
	if a.timer != nil {
		a.host.Driver.Stop(a.timer)
	}
}

// SetTask sets the task that runs the attempt.
func (a *Attempt) SetTask(task *executor.Task) { a.task.Store(task) }

// Interrupt ends the attempt's task, if it is set, with a cause.
func (a *Attempt) Interrupt(cause lifecycle.Cause) {
	if task := a.task.Load(); task != nil {
		task.Cancel(outcome.Interrupt{Cause: cause})
	}
}

// Wake wakes the attempt's fiber.
func (a *Attempt) Wake() {
	if task := a.task.Load(); task != nil {
		task.Wake()
	}
}

// Parked reports whether the guest waits.
func (a *Attempt) Parked() bool {
	task := a.task.Load()
	return task != nil && task.Phase() == executor.Parked
}

// Log returns the attempt's log.
func (a *Attempt) Log() *logbuf.Log {
	if l := a.log.Load(); l != nil {
		return l
	}
	l := a.host.Spool.NewLog(a.id, a.Number, a.Limits.LogBytes, logbuf.Origin{})
	if a.log.CompareAndSwap(nil, l) {
		return l
	}
	return a.log.Load()
}

// LogIfAny returns the attempt's log, nil if Log has not been called.
func (a *Attempt) LogIfAny() *logbuf.Log { return a.log.Load() }

// Running reports whether the attempt has a process.
func (a *Attempt) Running() bool { return a.process.Load() != nil }

// AppendOps appends what the guest waits for now.
func (a *Attempt) AppendOps(ops []hostcalls.Op) []hostcalls.Op {
	if p := a.process.Load(); p != nil {
		return (*p).AppendOps(ops)
	}
	return ops
}

// FirstOps returns what the guest waits for now, at least so many operations if there are as many.
func (a *Attempt) FirstOps(enough int) []hostcalls.Op {
	if p := a.active(); p != nil {
		return p.AppendFirstOps(nil, enough)
	}
	return a.AppendOps(nil)
}

// Calls returns how many calls of a component are in progress, and Activity what they do; zero and nil if the guest is none.
func (a *Attempt) Calls() int {
	if p := a.active(); p != nil {
		return p.Calls()
	}
	return 0
}

// Activity is told at Calls.
func (a *Attempt) Activity() *api.Activity {
	if p := a.active(); p != nil {
		return p.Activity()
	}
	return nil
}

func (a *Attempt) active() abi.Active {
	if p := a.process.Load(); p != nil {
		active, _ := (*p).(abi.Active)
		return active
	}
	return nil
}

// Open reports whether all grants of the guest are open.
func (a *Attempt) Open() bool { return a.ListenAddresses() != nil }

// ListenAddresses returns the addresses of the guest's listeners; nil until its grants are open.
func (a *Attempt) ListenAddresses() []string {
	if p := a.process.Load(); p != nil {
		return (*p).ListenAddresses()
	}
	return nil
}

// Usage returns what the workload has used so far, in all its attempts.
func (a *Attempt) Usage() api.Usage {
	u := a.before
	if task := a.task.Load(); task != nil {
		now := task.Usage()
		if s := a.server(); s != nil {
			used := s.Used()
			now = executor.Usage{
				Fuel: used.Fuel + now.Fuel, CPU: used.CPU + now.CPU, Ready: used.Ready + now.Ready,
				Waiting: used.Waiting + now.Waiting,
				Wait:    now.Waiting, // the service's own task waits for requests alone, all the time: that is one wait
			}
		}
		u.Fuel += now.Fuel
		u.CPUTime += now.CPU
		u.WaitingTime += now.Waiting
		u.ReadyTime += now.Ready
		u.Waits = a.waits(now.Wait)
	}
	if p := a.process.Load(); p != nil {
		u.PeakMemoryBytes = max(u.PeakMemoryBytes, uint64((*p).PeakMemory()))
	}
	if l := a.log.Load(); l != nil {
		u.LogBytes, u.LogBytesDropped = l.Written()
	}
	if t := a.traffic; t != nil {
		u.SentBytes, u.ReceivedBytes = t.Sent(), t.Received()
	}
	return u
}
