package attempt

import (
	"slices"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/wasihttp/client"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/pipes"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/internal/symbol"
)

// processConfig is the config of the guest's process.
func (a *Attempt) processConfig(cfg *Config) *abi.Config {
	spec, port := cfg.Spec, cfg.Port
	name := spec.Name
	if name == "" {
		name = a.id
	}
	streams := stdio.New(spec.Stdin, port, a.Log)
	if c := a.copies; c != nil {
		streams.Stdout, streams.Stderr = &copied{streams.Stdout, api.Stdout, c}, &copied{streams.Stderr, api.Stderr, c}
	}
	held := int64(len(spec.Stdin))
	if spec.StdinFrom != "" {
		held += pipes.Bytes
	}
	config := &abi.Config{
		Args:        append([]string{name}, spec.Args...),
		Env:         environ(spec.Env),
		Invoke:      spec.Invoke,
		Call:        (*abi.FunctionCall)(spec.Call),
		Stdin:       streams.Stdin,
		Stdout:      streams.Stdout,
		Stderr:      streams.Stderr,
		Permit:      a.host.Permit,
		MemoryBytes: int64(spec.Limits.MemoryBytes),
		StackBytes:  int64(spec.Limits.StackBytes),
		Memory:      a.owner,
		HeldBytes:   held,
		Descriptors: int(spec.Limits.Descriptors),
		PendingOps:  int(spec.Limits.PendingOps),
		Budget:      a.host.Descriptors,
		Owner:       a.id,
		Driver:      a.host.Driver,
		Mounts:      a.host.Mounts,
		Serve:       serviceOf(spec.Serve),
		Tracer:      cfg.Tracer,
		OnStart: func() {
			a.begun = true
			if port != nil {
				port.OnGuestStart()
			}
			a.owner.OnGuestStart()
		},
	}
	a.giveNetwork(config, spec)
	return config
}

// giveNetwork gives the process its part of the network. A guest without grants has none, and no memory for it, unless
// all that it is refused is to be noted.
func (a *Attempt) giveNetwork(config *abi.Config, spec *api.Spec) {
	learns := spec.GrantMode == api.ReportGrants
	if len(spec.Grants) == 0 && !learns {
		config.Network.Access, config.HTTP = (*ungranted)(a), (*ungranted)(a)
		return
	}
	given := a.host.Give(config, spec.Grants, spec.Limits, a.refusals.Note, learns)
	a.leases, a.traffic = given.Leases, given.Traffic
	if learns {
		config.OnOutside = a.refusals.NotePath
	}
	a.traffic.CountPast(a.before.SentBytes, a.before.ReceivedBytes)
	config.Network.Access = &witnessed{given.Access, a}
	a.sender = &sender{config: client.Config{
		Access: given.Access, Stack: a.host.Stack, Traffic: a.traffic, Connections: int(spec.Limits.Connections),
		Budget: a.host.Descriptors, Owner: a.id, Tracer: config.Tracer, OnFailure: a.onFailure,
	}}
	config.HTTP = a.sender
}

// Join puts the guest among the other workloads, and joins its standard streams to theirs. It is called before the task is
// spawned, and may block.
func (a *Attempt) Join(p *pipes.Pipes, tenant string, spec *api.Spec) {
	a.config.Peer = network.Peer{Peers: a.host.Peers, Tenant: tenant, ID: a.id}
	a.config.Links = link.Peer{Offers: a.host.Offers, Tenant: tenant, ID: a.id}
	if a.sender != nil {
		a.sender.config.Peer = a.config.Peer
	}
	if spec.StdoutTo != "" {
		a.config.Stdout = p.JoinFrom(pipes.Pair{Tenant: tenant, From: a.id, To: spec.StdoutTo})
	}
	if spec.StdinFrom != "" {
		a.config.Stdin = p.JoinTo(pipes.Pair{Tenant: tenant, From: spec.StdinFrom, To: a.id})
	}
}

// environ is an environment in a fixed order.
func environ(env map[string]string) []string {
	if len(env) == 0 {
		return nil
	}
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list
}

// Begin makes the process, before the first Turn, and reports whether there is one. If the workload was interrupted before its
// task ran, cause says why, and there is none.
func (a *Attempt) Begin(cause lifecycle.Cause) bool {
	p := a.newProcess(cause)
	if p == nil {
		return false
	}
	a.process.Store(&p) // what it waits for while its grants are opened can be seen
	return true
}

// Turn is the Turn of the attempt's task, once Begin has made the process.
func (a *Attempt) Turn(f *executor.Fiber) executor.Next {
	next, done := (*a.process.Load()).Turn(f)
	if done {
		a.conclude(f)
	}
	return next
}

// newProcess makes the process. Without one the outcome says why. Like conclude it is apart from Turn since what Turn has on the
// stack is there as long as the guest waits.
//
//go:noinline
func (a *Attempt) newProcess(cause lifecycle.Cause) abi.Process {
	if cause != lifecycle.NoCause {
		a.outcome = outcome.Interrupted(cause, a.Limits)
		return nil
	}
	p, err := a.module.NewProcess(a.config)
	a.config = nil
	if err != nil {
		a.outcome = unstarted(err, a.Limits)
		return nil
	}
	return p
}

// conclude sets the outcome by how the process has ended.
//
//go:noinline
func (a *Attempt) conclude(f *executor.Fiber) {
	p := *a.process.Load()
	a.sender.close()
	exit, err := p.Result()
	if err == nil || a.begun {
		a.outcome = outcome.Ended(exit, err, a.refusal(p), a.Limits)
	} else {
		a.outcome = unstarted(err, a.Limits)
	}
	a.outcome.Peak = p.PeakMemory()
	if crash := a.outcome.Crash; crash != nil {
		readable(f, crash.Frames)
	}
}

// readable gives the functions of a stack the names that their authors wrote. The module chose how long that takes, so
// it is done at its tenant's expense, and the worker is given up in between.
func readable(f *executor.Fiber, stack []api.StackFrame) {
	const most = 50 * time.Microsecond
	start := time.Now()
	for i := range stack {
		if i > 0 && stack[i].FunctionIndex == stack[i-1].FunctionIndex { // a recursion
			stack[i] = stack[i-1]
			continue
		}
		stack[i].Function, stack[i].Symbol = symbol.Decode(stack[i].Function)
		if time.Since(start) > most {
			f.Yield()
			start = time.Now()
		}
	}
}

// unstarted is the outcome of an attempt whose guest could not start.
func unstarted(err error, limits api.Limits) outcome.Outcome {
	if t := outcome.TroubleOf(err); t != retry.None {
		return outcome.Outcome{State: api.Pending, Trouble: t, Cause: err}
	}
	return outcome.Failed(err, limits)
}

// Ended is called when the attempt's task has ended.
func (a *Attempt) Ended(task *executor.Task) {
	a.task.Store(task) // Begin, before which it is set, may not have been called
	if p := task.Panic(); p != nil {
		a.outcome = outcome.Failed(p, a.Limits)
	} else if a.outcome.State == 0 { // it never ran
		a.outcome = outcome.Failed(task.Err(), a.Limits)
	}
}

// Rest calls ended when nothing of the attempt is left, whose task has ended: at once, or when what it served has ended, too.
// Then no more failures are told to the owner.
func (a *Attempt) Rest(ended func()) {
	rested := func() {
		a.failures.end()
		a.copies.close()
		ended()
	}
	if s := a.server(); s != nil {
		s.Rest(rested)
		return
	}
	rested()
}

// Outcome is how the attempt ended.
func (a *Attempt) Outcome() outcome.Outcome { return a.outcome }

// Begun reports whether guest code ran.
func (a *Attempt) Begun() bool { return a.begun }
