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
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/wasip1"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/grant"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// moduleUse is a compiled module that workloads hold. Reactor.mu guards it.
type moduleUse struct {
	digest  store.Digest
	users   int
	module  *engine.Module // nil until it is loaded
	err     error          // why it could not be
	waiting []*workload    // for it to be loaded
}

// maxLoading bounds the modules that are being loaded. Beyond, the queue waits.
const maxLoading = 64

// kick makes the dispatcher look.
func (r *Reactor) kick() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// dispatch is the dispatcher's goroutine. How a workload gets from the queue to the workers, in steps:
//
//  1. The dispatcher, one goroutine, takes the workload whose turn it is (Queued to Loading),
//     unless the node is draining, too many are starting or live, or a module waits for memory.
//  2. It takes hold of the module. If that is not in memory the workload joins those that wait for
//     it, a goroutine of its own loads it (the engine bounds how many compile at a time), and the
//     dispatcher goes on with others. Loaded, they come before the queue, since their turn was
//     before.
//  3. If the memory that the module starts with is not free, the workload is held, and everything
//     behind it: or else small guests would keep large ones from ever starting. What ends wakes
//     the dispatcher.
//  4. The dispatcher asks the store for the change to RUNNING, without waiting for it, and spawns
//     the task (Loading to Starting).
//  5. The guest's fiber begins on a worker (Starting to Running). That makes room for the next to
//     start.
//
// Rejected: a goroutine per start (ten thousand of them fight over two cores, and the order of
// the queue is lost); instantiating before the task is spawned (it is charged to the guest, and
// preempted).
func (r *Reactor) dispatch() {
	for {
		if r.rang.Load() {
			r.rang.Store(false)
			r.tend()
		}
		w, loading, more := r.next()
		switch {
		case w != nil:
			r.start(w)
		case loading != nil:
			r.background.Go(func() { r.load(loading) })
		case !more:
			return
		default:
			<-r.wake
		}
	}
}

// next decides what the dispatcher does: start a workload, load a module, wait, or end.
func (r *Reactor) next() (start *workload, load *moduleUse, more bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closing {
		return nil, nil, false
	}
	for !r.draining && r.starting < r.cfg.Starting && r.active < r.cfg.MaxLive {
		w := r.take()
		if w == nil {
			break
		}
		use := w.module
		switch {
		case w.stage() != lifecycle.Loading: // cancelled meanwhile
		case use.module == nil && use.err == nil:
			first := len(use.waiting) == 0
			use.waiting = append(use.waiting, w)
			if first {
				r.loading++
				return nil, use, true
			}
		case use.err == nil && !r.hasMemory(w):
			r.held = w
			return nil, nil, true
		default:
			return w, nil, true
		}
	}
	return nil, nil, true
}

// take is whose turn it is: what waits for memory, what waited for its module, then the queue.
func (r *Reactor) take() *workload {
	if w := r.held; w != nil {
		r.held = nil
		return w
	}
	if len(r.loaded) > 0 {
		w := r.loaded[0]
		r.loaded[0] = nil
		r.loaded = r.loaded[1:]
		return w
	}
	if r.loading >= maxLoading {
		return nil
	}
	w := r.gate.pop(&r.queue)
	if w == nil {
		return nil
	}
	w.machine.Take()
	r.preparing++
	w.module = r.modules[w.digest]
	if w.module == nil {
		w.module = &moduleUse{digest: w.digest}
		r.modules[w.digest] = w.module
	}
	w.module.users++
	return w
}

// hasMemory tells whether the memory is free that a workload starts with, counting what was spawned
// and has not taken its own yet. If nothing runs there is nothing to wait for.
func (r *Reactor) hasMemory(w *workload) bool {
	need := w.startBytes()
	return r.active == 0 || r.engine.MemoryUsed()+r.startingBytes+need <= r.cfg.MemoryBytes
}

// startBytes is the memory that a guest starts with, about: its module's, some stack, its input.
// The module is loaded.
func (w *workload) startBytes() int64 {
	const stack = 64 << 10
	return int64(w.module.module.Info().MinPages)*pageBytes + stack + w.held
}

// load loads a module and gives back the workloads that wait for it.
func (r *Reactor) load(use *moduleUse) {
	module, err := r.engine.Load(r.ctx, use.digest.String(), func() ([]byte, error) {
		return r.store.ModuleBinary(r.ctx, use.digest)
	})
	r.mu.Lock()
	use.module, use.err = module, err
	r.loading--
	r.loaded = append(r.loaded, use.waiting...)
	use.waiting = nil
	unused := r.forgetUnused(use)
	r.mu.Unlock()
	if unused != nil {
		unused.Release()
	}
	r.kick()
}

// release gives a workload's hold on its module up, and returns the module if it was the last.
func (r *Reactor) release(w *workload) *engine.Module {
	use := w.module
	if use == nil {
		return nil
	}
	w.module = nil
	use.users--
	return r.forgetUnused(use)
}

// forgetUnused drops a module that nobody holds. One that is being loaded is dropped afterwards.
func (r *Reactor) forgetUnused(use *moduleUse) *engine.Module {
	if use.users > 0 || use.module == nil && use.err == nil {
		return nil
	}
	if r.modules[use.digest] == use {
		delete(r.modules, use.digest)
	}
	return use.module
}

// start starts a workload whose module is loaded, or ends it with why it can't be.
func (r *Reactor) start(w *workload) {
	defer func() {
		if p := recover(); p != nil {
			r.refuse(w, fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	if err := w.module.err; err != nil {
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
		return
	}
	task, err := r.executor.Spawn(executor.TaskSpec{
		Tenant:    w.tenant,
		FuelLimit: remaining(prog.attempt.limits.Fuel, prog.attempt.before.Fuel),
		Run:       func(f *executor.Fiber) { r.run(w, prog, f) },
		Done:      func(t *executor.Task) { r.done(w, t) },
	})
	if err != nil { // ErrClosed
		r.finish(w, nil, failed(err, prog.attempt.limits))
		return
	}
	r.spawned(w, task)
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
	module  *engine.Module
	config  wasip1.Config
	invoke  string
}

// prepare gets all that a start needs, from the store if need be.
func (r *Reactor) prepare(w *workload) (*program, error) {
	spec, err := r.specOf(w)
	if err != nil {
		return nil, err
	}
	a := &attempt{number: w.attempts + 1, limits: spec.Limits, started: time.Now()}
	a.first = a.started
	if w.attempts > 0 {
		if err := r.resume(w, a); err != nil {
			return nil, err
		}
	}
	return r.program(w, a, spec), nil
}

// specOf returns the spec of a workload that is being started.
func (r *Reactor) specOf(w *workload) (*api.Spec, error) {
	if spec := w.spec; spec != nil {
		w.spec = nil
		return spec, nil
	}
	rec := w.rec
	if rec == nil || rec.Spec == nil {
		full, err := r.store.Workload(r.ctx, w.id)
		if err != nil {
			return nil, err
		}
		rec = full
		r.mu.Lock()
		w.rec = slim(full)
		r.mu.Unlock()
	}
	spec, err := record.DecodeSpec(rec)
	return &spec, err
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
	prog := &program{attempt: a, module: w.module.module, invoke: spec.Invoke}
	stdout := &output{reactor: r, workload: w, attempt: a, stream: store.Stdout}
	stderr := &output{reactor: r, workload: w, attempt: a, stream: store.Stderr}
	stdin := hostcalls.Source(hostcalls.Empty{})
	if spec.Interactive {
		port := portOf(w)
		stdin, stdout.port, stderr.port = port.Stdin(), port, port
	}
	if len(spec.Stdin) > 0 {
		stdin = &input{rest: spec.Stdin, next: stdin}
	}
	prog.config = wasip1.Config{
		Args:        append([]string{name}, spec.Args...),
		Env:         environ(spec.Env),
		Stdin:       stdin,
		Stdout:      stdout,
		Stderr:      stderr,
		Grants:      hostGrants(spec.Grants),
		Permit:      r.grants,
		Descriptors: int(spec.Limits.Descriptors),
		PendingOps:  int(spec.Limits.PendingOps),
		Budget:      r.descriptors,
		Appends:     r.appends,
		Owner:       w.rec.ID,
		Mounts:      r.mounts,
		HeldBytes:   int64(len(spec.Stdin)),
		OnStart:     func() { r.begun(w) },
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

// begin makes a workload Starting and asks for the record of it. It is false if the workload was
// cancelled meanwhile.
func (r *Reactor) begin(w *workload, prog *program) bool {
	a := prog.attempt
	if a.limits.Timeout > 0 {
		a.timer = new(driver.Timer)
		a.timer.Init(func(time.Time) { r.interrupt(w, lifecycle.ByDeadline) })
	}
	r.mu.Lock()
	if !w.machine.Loaded() {
		r.mu.Unlock()
		return false
	}
	w.attempts = a.number
	w.attempt = a
	r.preparing--
	r.discountBytes(w)
	r.starting++
	r.active++
	r.startingBytes += w.startBytes()
	r.mu.Unlock()
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

// spawned notes the task of a workload; it may have run already.
func (r *Reactor) spawned(w *workload, task *executor.Task) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.attempt == nil || !w.stage().Live() {
		return
	}
	w.attempt.task = task
	if cause := w.machine.Cause(); cause != lifecycle.NoCause {
		task.Cancel(interrupt{cause})
	}
}

// fail delays a workload that can't be started for a reason that passes, and ends it for any other.
func (r *Reactor) fail(w *workload, err error) {
	if t := passing(err); t != retry.None {
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
	r.finish(w, nil, failed(err, limits))
}

// putBack returns a workload that can't be started now to the front of the queue.
func (r *Reactor) putBack(w *workload) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.machine.PutBack() {
		r.preparing--
		r.release(w) // its module could not be loaded: there is none to free
		r.queue.PushFront(w.tenant, &w.place)
	}
}
