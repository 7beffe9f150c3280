package reactor

import (
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/stdio"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// maxLoading bounds the modules that are being loaded on one tenant's turn. Beyond, its queue waits.
const maxLoading = 64

// memoryPatience is for how long a workload that waits for memory lets others pass.
const memoryPatience = 5 * time.Second

func newScheduler(cfg *Config) *scheduler {
	return schedule.New[*workload, loaded](schedule.Config{
		Starting: cfg.Starting, Live: cfg.MaxLive, Loading: maxLoading,
		Pending: cfg.MaxPending, Bytes: cfg.MaxPendingBytes,
		Memory: cfg.MemoryBytes, Patience: memoryPatience,
	})
}

// kick makes the dispatcher look.
func (r *Reactor) kick() { r.wake.Set() }

// dispatch is the dispatcher's goroutine: it does what the scheduler says. How a workload gets from the queue to
// the workers, in steps:
//
//  1. The scheduler chooses whose turn it is (Queued to Loading), unless the node is draining or too many are
//     starting or live.
//  2. It takes hold of the module. If that is not in memory the workload joins those that wait for
//     it, a goroutine of its own loads it (the engine bounds how many compile at a time), and the
//     dispatcher goes on with others. Loaded, they come before the queue of their tenant, since their turn was
//     before. (TestManyModules)
//  3. The dispatcher reads the workload's spec, and asks for the memory that it is to have. If that is not free
//     the workload waits for it in the scheduler, where others pass it within a bound; what ends wakes
//     the dispatcher. (TestMemoryAdmission, TestOthersPass)
//  4. It asks the store for the change to RUNNING, without waiting for it, and spawns
//     the task (Loading to Starting).
//  5. The guest's fiber begins on a worker (Starting to Running). That makes room for the next to
//     start.
//
// Rejected: a goroutine per start (ten thousand of them fight over two cores, and the order of
// the queue is lost); instantiating before the task is spawned (it is charged to the guest, and
// preempted).
func (r *Reactor) dispatch() {
	bell := time.NewTimer(time.Hour)
	defer bell.Stop()
	for {
		r.tend()
		a, wait := r.next()
		switch a.Kind {
		case schedule.Start:
			r.start(a.Entry.Value)
		case schedule.Load:
			key := store.Digest(a.Entry.Key())
			r.background.Go(func() { r.load(key) })
		case schedule.Wake:
			r.wakeGrown(a.Entry.Value)
		case schedule.Settle:
			r.settle(a.Entry.Value)
		case schedule.Idle:
			bell.Reset(wait)
			select {
			case <-r.wake:
			case <-bell.C:
			case <-r.ctx.Done():
				return
			}
		}
	}
}

// next asks the scheduler what the dispatcher is to do, and if it is nothing for how long.
func (r *Reactor) next() (a action, wait time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	if a = r.sched.Next(now, r.engine.MemoryFreeing()); a.Kind != schedule.Idle {
		return a, 0
	}
	if at, ok := r.sched.Wakeup(); ok {
		return a, max(0, at.Sub(now))
	}
	return a, time.Hour
}

// firstStack is what is reserved for the stack of a guest that is started.
const firstStack = 64 << 10

// load loads a module for those who wait for it.
func (r *Reactor) load(digest store.Digest) {
	module, err := r.loadProgram(digest)
	var start int64
	if err == nil {
		start = module.StartBytes() + firstStack
	}
	r.mu.Lock()
	unused := r.sched.Loaded(digest, loaded{module, err}, start, err != nil)
	r.mu.Unlock()
	if unused && module != nil {
		module.Release()
	}
	r.kick()
}

// loadProgram loads a module by the ABI of its kind.
func (r *Reactor) loadProgram(digest store.Digest) (abi.Program, error) {
	info, err := r.modules.Describe(r.ctx, digest)
	if err != nil {
		return nil, err
	}
	a, err := r.abis.Of(info.Kind)
	if err != nil {
		return nil, err
	}
	return a.Load(r.ctx, r.engine, abi.Source{
		Digest: digest.String(),
		Read:   func() ([]byte, error) { return r.store.ModuleBinary(r.ctx, digest) },
	})
}

// drop has a module released that no workload holds any more.
func (r *Reactor) drop(l loaded, unused bool) {
	if unused && l.module != nil {
		r.finished.put(finished{module: l.module})
	}
}

// start starts a workload whose module is loaded, or ends it with why it can't be.
func (r *Reactor) start(w *workload) {
	defer func() {
		if p := recover(); p != nil {
			r.refuse(w, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := w.entry.Module().err; err != nil {
		if errors.Is(err, r.ctx.Err()) || errors.Is(err, engine.ErrClosed) {
			r.putBack(w) // the reactor shuts down
			return
		}
		r.fail(w, err)
		return
	}
	prog, err := r.prepare(w)
	if err != nil {
		r.fail(w, err)
		return
	}
	if !r.begin(w, prog) {
		return // it waits for memory, or was cancelled
	}
	r.onLoaded(w, prog.attempt)
	task, err := r.executor.Spawn(executor.TaskSpec{
		Tenant:    w.entry.Tenant(),
		FuelLimit: remaining(prog.attempt.limits.Fuel, prog.attempt.before.Fuel),
		Run:       func(f *executor.Fiber) { r.run(w, prog, f) },
		Done:      func(t *executor.Task) { r.onTaskDone(w, t) },
		Waits:     r.waitHooks(w, prog.attempt),
	})
	if err != nil { // ErrClosed
		r.finish(w, nil, outcome.Failed(err, prog.attempt.limits))
		return
	}
	r.setTask(w, task)
}

// remaining is what is left of a limit of which zero is none.
func remaining(limit, used uint64) uint64 {
	if limit == 0 {
		return 0
	}
	if used >= limit {
		return 1
	}
	return limit - used
}

// program is what a guest is started with.
type program struct {
	attempt *attempt
	module  abi.Program
	config  abi.Config
}

// prepare gets all that a start needs, from the store if need be.
func (r *Reactor) prepare(w *workload) (*program, error) {
	spec, rec, err := r.specOf(w)
	if err != nil {
		return nil, err
	}
	a := &attempt{number: w.attempts + 1, limits: spec.Limits, started: time.Now()}
	a.memory.reactor, a.memory.workload = r, w
	a.first = a.started
	if r.cfg.Hooks.Any() {
		a.trace = hooks.TraceParent(record.TraceParent(rec))
	}
	if w.attempts > 0 {
		if err := r.resume(w, a); err != nil {
			return nil, err
		}
	}
	return r.program(w, a, spec), nil
}

// specOf returns the spec of a workload that is being started, and the record that it is in.
func (r *Reactor) specOf(w *workload) (*api.Spec, *store.Workload, error) {
	rec := w.rec
	if spec := w.spec; spec != nil {
		w.spec = nil
		return spec, rec, nil
	}
	if rec == nil || rec.Spec == nil {
		full, err := r.store.Workload(r.ctx, w.id)
		if err != nil {
			return nil, nil, err
		}
		rec = full
		r.mu.Lock()
		w.rec = record.Slim(full)
		r.mu.Unlock()
	}
	spec, err := record.DecodeSpec(rec)
	return &spec, rec, err
}

// resume goes on from what earlier attempts left.
func (r *Reactor) resume(w *workload, a *attempt) error {
	last, err := r.store.Workload(r.ctx, w.id)
	if err != nil {
		return err
	}
	status, err := record.DecodeStatus(last)
	if err != nil {
		return err
	}
	a.before = api.Usage(status.Usage)
	if !status.FirstStart.IsZero() {
		a.first = status.FirstStart
	}
	end, err := r.store.TailLog(r.ctx, w.id, 0, 0)
	if err != nil {
		return err
	}
	a.log.Store(r.spool.NewLog(w.id, a.number, a.limits.LogBytes, logbuf.Origin{
		Stored:  end,
		Written: max(a.before.LogBytes, uint64(end)+a.before.LogBytesDropped),
		Dropped: a.before.LogBytesDropped,
	}))
	return nil
}

// program puts together what a guest is started with.
func (r *Reactor) program(w *workload, a *attempt, spec *api.Spec) *program {
	name := spec.Name
	if name == "" {
		name = w.id
	}
	prog := &program{attempt: a, module: w.entry.Module().module}
	var port *terminal.Port
	if spec.Interactive {
		port = portOf(w)
	}
	streams := stdio.New(spec.Stdin, port, func() *logbuf.Log { return r.logOf(w, a) })
	prog.config = abi.Config{
		Args:        append([]string{name}, spec.Args...),
		Env:         environ(spec.Env),
		Invoke:      spec.Invoke,
		Stdin:       streams.Stdin,
		Stdout:      streams.Stdout,
		Stderr:      streams.Stderr,
		Grants:      hostGrants(spec.Grants),
		Permit:      r.grants,
		MemoryBytes: int64(spec.Limits.MemoryBytes),
		StackBytes:  int64(spec.Limits.StackBytes),
		Memory:      &a.memory,
		HeldBytes:   int64(len(spec.Stdin)),
		Descriptors: int(spec.Limits.Descriptors),
		PendingOps:  int(spec.Limits.PendingOps),
		Budget:      r.descriptors,
		Owner:       w.rec.ID,
		Driver:      r.executor.Driver(),
		Mounts:      r.mounts,
		OnStart:     func() { r.onGuestStart(w) },
	}
	return prog
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

func hostGrants(grants []grant.Grant) []capability.Grant {
	list := make([]capability.Grant, len(grants))
	for i, g := range grants {
		list[i] = g
	}
	return list
}

// begin makes a workload Starting and asks for the record of it. It is false if the workload has to wait for memory,
// needs more than there is, or was cancelled meanwhile.
func (r *Reactor) begin(w *workload, prog *program) bool {
	a := prog.attempt
	if a.limits.Timeout > 0 {
		a.timer = new(driver.Timer)
		a.timer.Init(func(time.Time) { r.interrupt(w, lifecycle.ByDeadline) })
	}
	r.mu.Lock()
	verdict := r.sched.Begin(&w.entry, int64(a.limits.MemoryBytes), a.started, r.engine.MemoryFreeing())
	if verdict == schedule.Granted {
		w.attempts, w.attempt = a.number, a
		a.memory.allowed.Grant(w.entry.Reserved())
	}
	r.mu.Unlock()
	switch verdict {
	case schedule.Granted:
	case schedule.TooLarge:
		r.finish(w, nil, outcome.Failed(&outcome.NodeMemoryError{Need: w.entry.StartBytes(), Node: r.cfg.MemoryBytes}, a.limits))
		return false
	default:
		return false
	}
	r.store.Transition(store.Transition{
		ID: w.id, From: store.States(store.Pending), To: store.Running, Attempt: a.number, Time: a.started, Lazy: true,
		Status: record.EncodeStatus(&record.Status{FirstStart: a.first, StartTime: a.started, Usage: record.Usage(a.before)}),
	}, func(_ int64, err error) {
		if err != nil {
			r.log.Error("a start was not recorded", zap.String("workload", w.id), zap.Error(err))
		}
	})
	if a.timer != nil {
		r.executor.Driver().Start(a.timer, a.first.Add(a.limits.Timeout))
	}
	return true
}

// setTask sets the task of a workload; it may have run already.
func (r *Reactor) setTask(w *workload, task *executor.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.attempt == nil || !w.stage().Live() {
		return
	}
	w.attempt.task = task
	if cause := w.entry.Cause(); cause != lifecycle.NoCause {
		task.Cancel(outcome.Interrupt{Cause: cause})
	}
}

// fail delays a workload that can't be started for a reason that passes, and ends it for any other.
func (r *Reactor) fail(w *workload, err error) {
	if t := outcome.TroubleOf(err); t != retry.None {
		r.postpone(w, t, err)
		return
	}
	r.refuse(w, err)
}

// refuse ends a workload that can't be started.
func (r *Reactor) refuse(w *workload, err error) {
	limits := api.Limits{}
	if w.attempt != nil {
		limits = w.attempt.limits
	}
	r.finish(w, nil, outcome.Failed(err, limits))
}

// putBack returns a workload that can't be started now to the front of the queue.
func (r *Reactor) putBack(w *workload) {
	r.mu.Lock()
	module, unused, _ := r.sched.PutBack(&w.entry)
	r.mu.Unlock()
	r.drop(module, unused)
}
