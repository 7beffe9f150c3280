package runner

import (
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// Kick wakes the dispatcher: something that it waits for may have happened.
func (r *Runner) Kick() { r.wake.Set() }

// dispatch is the dispatcher's goroutine: it carries out the scheduler's actions. How a workload gets from the queue to
// the workers, in steps:
//
//  1. The scheduler picks the workload (Queued to Loading), unless the node is draining or too many workloads are
//     starting or live.
//  2. The scheduler takes a reference to its module. If the module is not in memory, a goroutine of its own loads it
//     (the engine bounds how many compile at a time), and the dispatcher goes on with other workloads. All
//     that wait for the module are ready when it is loaded, ahead of their tenant's queue. (TestManyModules)
//  3. The dispatcher reads the workload's spec and asks the scheduler for memory. If it is not free the workload waits
//     in the scheduler, where others pass it within a bound; every end of a workload wakes the dispatcher.
//     (TestMemoryAdmission, TestOthersPass, TestShortAfterRestart)
//  4. The dispatcher asks the store to record RUNNING, without waiting, and spawns the task (Loading to Starting).
//  5. The fiber runs on a worker for the first time (Starting to Running), which makes room for the next start.
//
// Rejected: a goroutine per start (ten thousand of them compete for two cores, and the order of the queue is lost);
// instantiating before the task is spawned (instantiation should be charged to the guest, and preempted).
func (r *Runner) dispatch() {
	bell := time.NewTimer(time.Hour)
	defer bell.Stop()
	for {
		r.tend()
		a, module, wait := r.next()
		switch a.Kind {
		case schedule.Start:
			r.start(a.Entry.Value, module)
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

// next returns the scheduler's next action, for Start with the entry's module, for Idle with how long to wait.
func (r *Runner) next() (a action, module loaded, wait time.Duration) {
	now := time.Now()
	r.mu.Lock()
	defer r.mu.Unlock()
	switch a = r.sched.Next(now, r.cfg.Freeing()); a.Kind {
	case schedule.Start:
		module = a.Entry.Module() // a cancel takes it from the entry
	case schedule.Idle:
		wait = time.Hour
		if at, ok := r.sched.Wakeup(); ok {
			wait = max(0, at.Sub(now))
		}
	}
	return a, module, wait
}

// load loads a module for the workloads that wait for it.
func (r *Runner) load(digest store.Digest) {
	module, err := r.cfg.Load(r.ctx, digest)
	var start int64
	if err == nil {
		start = module.StartBytes() + attempt.FirstStackBytes
	}
	r.mu.Lock()
	unused := r.sched.OnLoaded(digest, loaded{module, err}, start, err != nil)
	r.mu.Unlock()
	if unused && module != nil {
		module.Release()
	}
	r.Kick()
}

// drop releases a module that is unused, on the finisher's goroutine: freeing machine code takes time.
func (r *Runner) drop(l loaded, unused bool) {
	if unused && l.module != nil {
		r.finished.put(finished{module: l.module})
	}
}

// start starts a workload whose module is loaded, or delays or ends it if it can't be started.
func (r *Runner) start(w *workload, module loaded) {
	defer func() {
		if p := recover(); p != nil {
			r.refuse(w, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := module.err; err != nil {
		if r.ctx.Err() != nil || errors.Is(err, engine.ErrClosed) {
			r.putBack(w) // the reactor shuts down
			return
		}
		r.fail(w, err)
		return
	}
	a, spec, err := r.prepare(w, module.module)
	if err != nil {
		r.fail(w, err)
		return
	}
	if !r.begin(w, a) {
		return // it waits for memory, was put back, has ended, or was cancelled
	}
	a.Join(r.pipes, w.entry.Tenant(), spec)
	r.onLoaded(w, a)
	task, err := r.cfg.Executor.Spawn(executor.TaskSpec{
		Tenant:    w.entry.Tenant(),
		FuelLimit: a.Limits.Fuel,
		Turn:      a.turn,
		Done:      func(t *executor.Task) { r.onTaskDone(w, t) },
		Waits:     r.waitHooks(w, a),
	})
	if err != nil { // ErrClosed
		r.finish(w, outcome.Failed(err, a.Limits))
		return
	}
	r.setTask(w, a, task)
}

// prepare makes a workload's attempt, and reads from the store what is not in memory.
func (r *Runner) prepare(w *workload, module abi.Program) (*started, *api.Spec, error) {
	spec, rec, err := r.specOf(w)
	if err != nil {
		return nil, nil, err
	}
	cfg := attempt.Config{ID: w.id, Number: w.attempts + 1, Spec: spec, Module: module}
	if w.attempts > 0 {
		if cfg.Past, cfg.LogEnd, err = r.readPast(w); err != nil {
			return nil, nil, err
		}
	}
	if mode := terminal.ModeOf(spec); mode != (terminal.Mode{}) {
		cfg.Port = portOf(w, mode)
	}
	a := &started{runner: r, workload: w, serves: spec.Serve != nil}
	if r.cfg.Hooks.Any() {
		a.trace, a.created = record.Trace(rec), rec.Created
	}
	cfg.Tracer, cfg.OpenOutput = r.tracer(a, spec, cfg.Number), r.outputOf(a, spec)
	a.Init(&r.cfg.Host, a, &cfg)
	return a, spec, nil
}

// specOf returns the spec of a workload that is being started, and its record.
func (r *Runner) specOf(w *workload) (*api.Spec, *store.Workload, error) {
	rec := w.rec
	if spec := w.spec; spec != nil {
		w.spec = nil
		return spec, rec, nil
	}
	if rec == nil || rec.Spec == nil {
		full, err := r.cfg.Store.Workload(r.ctx, w.id)
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

// readPast returns what earlier attempts left. It reads from the store what attempts of an earlier daemon did.
func (r *Runner) readPast(w *workload) (past *attempt.Past, logEnd int64, err error) {
	if past = w.past; past == nil {
		last, err := r.cfg.Store.Workload(r.ctx, w.id)
		if err != nil {
			return nil, 0, err
		}
		status, err := record.DecodeStatus(last)
		if err != nil {
			return nil, 0, err
		}
		past = pastOf(&status)
	}
	logEnd, _, err = r.cfg.Store.TailLog(r.ctx, w.id, 0, 0, store.Cut{})
	return past, logEnd, err
}

// begin makes a workload Starting and asks the store to record that. It returns false if the workload has to wait for
// memory, was put back because nothing is started any more, needs more than the node has, or was cancelled meanwhile.
func (r *Runner) begin(w *workload, a *started) bool {
	r.mu.Lock()
	verdict := r.sched.Begin(&w.entry, int64(a.Limits.MemoryBytes), a.Started, r.cfg.Freeing())
	if verdict == schedule.Granted {
		w.attempts, w.attempt = a.Number, a
		if a.serves {
			r.services++
		}
		a.memory.Grant(w.entry.Reserved())
		revoke(a, w.revoked) // nothing is open yet that it would close
	}
	revoked := w.revoked
	var need int64
	if verdict == schedule.TooLarge {
		need = w.entry.StartBytes()
	}
	r.mu.Unlock()
	switch verdict {
	case schedule.Granted:
	case schedule.Wait:
		r.expect(w, a)
		return false
	case schedule.TooLarge:
		r.finish(w, outcome.Failed(&outcome.NodeMemoryError{Need: need, Node: r.cfg.Schedule.Memory}, a.Limits))
		return false
	case schedule.Stopped:
		r.putBack(w)
		return false
	default:
		return false
	}
	status := record.Status{FirstStart: a.First, StartTime: a.Started, Usage: record.OfUsage(a.Usage()), Revoked: revoked}
	status.SetRefused(a.Refused())
	r.cfg.Store.Transition(store.Transition{
		ID: w.id, From: store.States(store.Pending), To: store.Running, Attempt: a.Number, Time: a.Started, Lazy: true,
		Status: record.EncodeStatus(&status),
	}, func(_ int64, err error) {
		if err != nil {
			r.cfg.Log.Error("a start was not recorded", zap.String("workload", w.id), zap.Error(err))
		}
	})
	a.Arm()
	return true
}

// expect has a workload that waits for memory, and was started before by an earlier daemon, end at its timeout.
func (r *Runner) expect(w *workload, a *started) {
	if a.Number == 1 || a.Limits.Timeout <= 0 {
		return
	}
	past := w.past
	if past == nil {
		past = r.readDeadline(w)
	}
	now := time.Now()
	r.mu.Lock()
	w.past = past
	why := w.why(retry.NodeMemory, errShort, now)
	why.Until = time.Time{}
	first := r.sched.Expect(&w.entry, why, now)
	r.mu.Unlock()
	if first {
		r.logTrouble(w, retry.NodeMemory, errShort)
	}
}

// errShort is why a workload waits for memory that an earlier daemon has started.
var errShort = errors.New("the node has not enough memory for it")

// setTask sets the task of a workload's attempt, which may have run already, and ended.
func (r *Runner) setTask(w *workload, a *started, task *executor.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.attempt != a || !w.entry.Stage().Live() {
		return
	}
	a.SetTask(task)
	if cause := w.entry.Cause(); cause != lifecycle.NoCause {
		a.Interrupt(cause)
	}
}

// turn is the Turn of the attempt's task.
func (a *started) turn(f *executor.Fiber) executor.Next {
	if !a.entered {
		a.entered = true
		if !a.enter(f.Task()) {
			return executor.End()
		}
	}
	return a.Turn(f)
}

// enter is the beginning of the first turn. It reports whether there is something to run.
//
//go:noinline
func (a *started) enter(task *executor.Task) bool {
	cause := a.runner.onFiberStart(a, task)
	if cause == lifecycle.NoCause {
		a.runner.onStarted(a.workload, a)
	}
	return a.Begin(cause)
}

// onFiberStart is step 5 of dispatch: the fiber runs for the first time.
func (r *Runner) onFiberStart(a *started, task *executor.Task) lifecycle.Cause {
	r.mu.Lock()
	defer r.mu.Unlock()
	a.SetTask(task)
	cause := r.sched.OnFirstRun(&a.workload.entry)
	a.workload.changed.Tell()
	r.Kick()
	return cause
}

// fail delays a workload that can't be started for a transient reason, and ends it for any other.
func (r *Runner) fail(w *workload, err error) {
	if t := outcome.TroubleOf(err); t != retry.None {
		r.postpone(w, t, err)
		return
	}
	r.refuse(w, err)
}

// refuse ends a workload that can't be started.
func (r *Runner) refuse(w *workload, err error) { r.finish(w, outcome.Failed(err, api.Limits{})) }

// putBack returns a workload that can't be started now to the front of the queue.
func (r *Runner) putBack(w *workload) {
	r.mu.Lock()
	module, unused, _ := r.sched.PutBack(&w.entry)
	r.mu.Unlock()
	r.drop(module, unused)
}
