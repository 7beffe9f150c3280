package calls

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/channel"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/refusal"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// tenant is on whose behalf calls are made.
	tenant = "default"
	// maxRunning bounds the calls at a time.
	maxRunning = 4096
	// grace is how long a call that was cancelled has to end.
	grace = time.Second
	// program is the first argument of a guest, its name.
	program = "call"
)

// Modules looks up and loads the modules that are called.
type Modules interface {
	LookUp(ctx context.Context, ref string) (store.Digest, *abi.Description, error)
	Hold(digest store.Digest)
	Release(digest store.Digest)
	CheckSpec(f *errs.Faults, module *abi.Description, spec *api.Spec, limits api.Limits, channels bool) error
	LoadForClient(ctx context.Context, digest store.Digest) (abi.Program, error)
}

// Config configures a Caller.
type Config struct {
	Modules  Modules
	Executor *executor.Executor
	Host     equip.Host
	// Authorize refuses grants that are not allowed.
	Authorize func(context.Context, []grant.Grant) error
	Budget    *hostcalls.Budget
	Mounts    *vfs.Mounts
	Limits    func() (most intake.Bounds, defaults api.Limits) // of calls
	Memory    int64                                            // of the guests of all calls, in bytes
}

// Caller calls functions.
type Caller struct {
	Config
	programs programs
	memory   pool
	running  chan struct{}
}

// New makes a caller. It holds nothing between calls.
func New(cfg Config) *Caller {
	c := &Caller{Config: cfg, running: make(chan struct{}, maxRunning)}
	c.programs.load = cfg.Modules.LoadForClient
	c.memory.most = cfg.Memory
	return c
}

// Call calls the function that a spec names, and returns how that ended: also when the function has trapped. An error is one of the
// request, of the host, or the cause of ctx, after which the guest does not run any more.
//
// channels, unless nil, carries the streams and futures of the call, and gets what the function returns: the result that Call
// returns has none then. Call closes it.
func (c *Caller) Call(ctx context.Context, spec *api.Spec, channels *channel.Exchange) (*api.CallResult, error) {
	if channels != nil {
		defer channels.Close()
	}
	most, defaults := c.Limits()
	limits := spec.Limits.Or(defaults)
	var f errs.Faults
	most.CheckSpec(&f, spec, limits)
	checkCall(&f, spec)
	if err := f.Err(); err != nil {
		return nil, err
	}
	digest, info, err := c.Modules.LookUp(ctx, spec.Module)
	if err != nil {
		return nil, err
	}
	if err := c.Modules.CheckSpec(&f, info, spec, limits, channels != nil); err != nil {
		return nil, err
	}
	if err := f.Err(); err != nil {
		return nil, err
	}
	if err := c.Authorize(ctx, spec.Grants); err != nil {
		return nil, err
	}
	if channels != nil {
		if err := open(channels, info, spec.Call); err != nil {
			return nil, err
		}
	}
	select {
	case c.running <- struct{}{}:
		defer func() { <-c.running }()
	default:
		return nil, refusal.QueueFull("%d calls run, as many as may run at a time", maxRunning)
	}
	c.Modules.Hold(digest)
	defer c.Modules.Release(digest)
	p, err := c.programs.use(ctx, digest)
	if err != nil {
		return nil, err
	}
	defer c.programs.leave(p)
	return c.run(ctx, p.program, spec, limits, channels)
}

// checkCall adds what a spec has that only a workload can have.
func checkCall(f *errs.Faults, spec *api.Spec) {
	const why = "is for workloads: submit one with this call"
	if spec.Call == nil {
		f.Add("spec.call", "the function to call is required")
	}
	for _, field := range []struct {
		path string
		set  bool
	}{
		{"spec.serve", spec.Serve != nil},
		{"spec.interactive", spec.Interactive},
		{"spec.stdin_from", spec.StdinFrom != ""},
		{"spec.stdout_to", spec.StdoutTo != ""},
	} {
		if field.set {
			f.Add(field.path, why)
		}
	}
	for i, g := range spec.Grants {
		switch g.(type) {
		case grant.Connection, grant.Link, nil:
		default:
			f.Add(fmt.Sprintf("spec.grants[%d]", i), "it %s, and of a call without one only connections that are arguments and links are granted", why)
		}
	}
}

// call is one call.
type call struct {
	process  abi.Process
	output   stdio.Beginning
	share    share
	started  time.Time
	exit     abi.Exit
	err      error
	refused  *abi.Refusal
	traffic  *network.Traffic // nil without grants
	begun    bool             // the guest has
	finished bool
}

// run runs a program until the function has returned.
func (c *Caller) run(ctx context.Context, p abi.Program, spec *api.Spec, limits api.Limits, channels *channel.Exchange) (*api.CallResult, error) {
	one := &call{started: time.Now(), share: share{pool: &c.memory}}
	defer one.share.free()
	config := c.processConfig(one, spec, limits)
	config.Channels = channels
	process, err := p.NewProcess(config)
	if err != nil {
		return nil, errs.Wrap(err, "call")
	}
	one.process = process
	ended := make(chan struct{})
	task, err := c.Executor.Spawn(executor.TaskSpec{
		Tenant: tenant, FuelLimit: limits.Fuel,
		Turn:      abi.Turns(process, one.onEnd),
		Done:      func(*executor.Task) { close(ended) },
		Uncounted: true, // it is no workload
	})
	if err != nil {
		return nil, refusal.Draining()
	}
	if limits.Timeout > 0 {
		late := time.AfterFunc(limits.Timeout, func() { task.Cancel(outcome.Interrupt{Cause: lifecycle.ByDeadline}) })
		defer late.Stop()
	}
	if channels != nil {
		channels.OnCancel(func() {
			late := time.AfterFunc(grace, func() { task.Cancel(outcome.Interrupt{Cause: lifecycle.ByClient}) })
			context.AfterFunc(ctx, func() { late.Stop() })
		})
	}
	stop := context.AfterFunc(ctx, func() { task.Cancel(context.Cause(ctx)) })
	defer stop()
	<-ended
	if err := context.Cause(ctx); err != nil && (!one.finished || one.err != nil) {
		return nil, err
	}
	if errors.Is(one.err, errShort) {
		return nil, refusal.QueueFull("the guests of other calls have the %s that all have: call again, or submit a workload, which waits",
			humanize.IBytes(uint64(c.memory.most))) //nolint:gosec // not negative
	}
	if !one.begun && outcome.TroubleOf(one.err) != retry.None {
		e := errs.New(errs.Unavailable, "the call was not made: %v", one.err)
		e.Retry = time.Second
		return nil, e
	}
	if channels != nil && channels.Cancelled() && one.finished && one.err == nil {
		one.err = outcome.Interrupt{Cause: lifecycle.ByClient}
	}
	return one.result(task, limits), nil
}

// open opens the channels that the arguments of a call name, which were checked.
func open(channels *channel.Exchange, info *abi.Description, call *api.FunctionCall) error {
	number, err := info.Signatures.Find(call.Export)
	if err != nil {
		return errs.Wrap(err, "call")
	}
	resolved, err := info.Signatures.ResolveFunction(number)
	if err != nil {
		return errs.Wrap(err, "call")
	}
	var f errs.Faults
	for _, fault := range channels.Open(resolved.Func, call.Args) {
		f.Add("spec.call."+fault.Path, "%s", fault.Msg)
	}
	return f.Err()
}

// onEnd is called when the process has ended.
func (c *call) onEnd(exit abi.Exit, err error) {
	c.exit, c.err = exit, err
	c.refused = c.process.Refusal()
	c.finished = true
}

// result says how the call ended.
func (c *call) result(task *executor.Task, limits api.Limits) *api.CallResult {
	var o outcome.Outcome
	switch p := task.Panic(); {
	case p != nil:
		o = outcome.Failed(p, limits)
	case !c.finished:
		o = outcome.Failed(task.Err(), limits)
	default:
		o = outcome.Ended(c.exit, c.err, c.refused, limits)
	}
	used := task.Usage()
	var sent, received uint64
	if c.traffic != nil {
		sent, received = c.traffic.Sent(), c.traffic.Received()
	}
	return &api.CallResult{
		Status: api.Status{
			State: o.State, Reason: o.Reason, ExitCode: o.ExitCode, Message: o.Message, Attempts: 1, Crash: o.Crash, Result: o.Result,
			CreateTime: c.started, StartTime: c.started, EndTime: time.Now(),
			Usage: api.Usage{
				Fuel: used.Fuel, CPUTime: used.CPU, WaitingTime: used.Waiting, ReadyTime: used.Ready,
				PeakMemoryBytes: uint64(c.process.PeakMemory()), LogBytes: uint64(len(c.output.Kept)) + c.output.Dropped, LogBytesDropped: c.output.Dropped,
				SentBytes: sent, ReceivedBytes: received,
			},
		},
		Output: c.output.Kept, OutputDropped: c.output.Dropped, Fault: o.Fault,
	}
}

// processConfig is the config of a call's process.
func (c *Caller) processConfig(one *call, spec *api.Spec, limits api.Limits) *abi.Config {
	config := &abi.Config{
		Args: append([]string{program}, spec.Args...), Call: (*abi.FunctionCall)(spec.Call), Stdin: stdio.New(spec.Stdin, nil, nil).Stdin,
		Stdout: &one.output, Stderr: &one.output, Memory: &one.share, HeldBytes: int64(len(spec.Stdin)),
		MemoryBytes: int64(limits.MemoryBytes), StackBytes: int64(limits.StackBytes),
		Descriptors: int(limits.Descriptors), PendingOps: int(limits.PendingOps),
		Budget: c.Budget, Owner: program, Driver: c.Executor.Driver(), Mounts: c.Mounts,
		OnStart: func() { one.begun = true },
	}
	if len(spec.Grants) > 0 {
		one.traffic = c.Host.Give(config, spec.Grants, limits, nil, false).Traffic
		config.Peer = network.Peer{Peers: c.Host.Peers, Tenant: tenant, ID: program}
		config.Links = link.Peer{Offers: c.Host.Offers, Tenant: tenant} // of no workload
	}
	for _, name := range slices.Sorted(maps.Keys(spec.Env)) {
		config.Env = append(config.Env, name+"="+spec.Env[name])
	}
	return config
}
