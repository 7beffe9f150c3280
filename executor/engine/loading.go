package engine

import (
	"context"
	"errors"
	"runtime/debug"
	"time"

	"github.com/reactord/reactord/executor/engine/meter"
)

// How a module gets into memory, in steps:
//
//  1. It waits for one of the few places where modules are taken apart, each of which may take several
//     times a module's size in memory. There it is read, metered, linked, and, if its machine
//     code is on disk, loaded. It never waits for a compilation. (TestSmallModulesPassLargeOnes)
//  2. A small one that has to be compiled waits for the compiler of small modules, which gives each of them a second.
//  3. A large one, and a small one that takes longer, waits for one of the other compilers. They are
//     let in by how much code they have and how long they have waited (TestSmallModulesPassLargeOnes), and no more of
//     them at a time than there is memory for (TestLaneHasRoom).
//  4. With a compiler it is compiled, within bounds by its code. What was read is kept until then if it is little,
//     or if there is a compiler at once. What has to wait is forgotten, then read and metered again, so that
//     modules that wait take no memory. (TestModulesAreMeteredOnce)
//
// What nobody wants any more does not wait on.

const (
	// A small module has no more bytes than smallBytes, as it was and metered together, and no more of code than
	// smallCode. Compilers take in some 3 MB of code a second.
	smallBytes = 1 << 20
	smallCode  = 128 << 10
	smallTime  = time.Second
)

// compileTime is about how long a module of that much code takes to compile.
func compileTime(code int) time.Duration {
	return 50*time.Millisecond + time.Duration(code)*400*time.Nanosecond
}

// source is where a module comes from.
type source struct {
	read   func() ([]byte, error)
	accept func(*meter.Info) error // nil: any
}

// load loads a module, on its own goroutine.
func (e *Engine) load(ctx context.Context, m *Module, from source) {
	defer m.cancel()
	var job compileJob
	if !m.pass(ctx, e.loaders, 0, 0, nil, func() { job = m.open(from) }) {
		return
	}
	if m.err == nil && m.compiled == nil && !m.compile(ctx, from, job) {
		return
	}
	m.finish()
}

// open takes a module apart and loads it from the disk, if its code is there. Else it returns what there is to
// compile.
func (m *Module) open(from source) (job compileJob) {
	e := m.engine
	if job, m.info, m.err = e.prepare(from.read); m.err != nil {
		return compileJob{}
	}
	if from.accept != nil {
		m.err = from.accept(m.info)
	}
	if m.err == nil {
		m.err = e.modules.fits(footprint(m.info, 0))
	}
	if m.err == nil && e.cache != nil {
		if found, err := e.cache.find(e.ctx, job); err == nil {
			m.err = m.install(job, found)
			if _, useless := errors.AsType[*InternalError](m.err); useless {
				m.err = e.cache.drop(e.cache.key(job)) // it is compiled anew
			}
		}
	}
	return job
}

// install makes the module of code that was compiled. It is an *InternalError if that is of no use.
func (m *Module) install(job compileJob, made code) error {
	if err := m.admit(footprint(m.info, int64(len(made.bytes)))); err != nil {
		return err
	}
	compiled, err := m.engine.cache.open(m.engine.ctx, m.runtime, job, made)
	if err != nil {
		return &InternalError{Err: errors.Join(err, m.dismiss())}
	}
	m.compiled = compiled
	return nil
}

// admit reserves memory for the module and gives it a runtime.
func (m *Module) admit(size int64) error {
	if err := m.reserve(size); err != nil {
		return err
	}
	r, err := m.engine.newRuntime()
	m.runtime = r
	return err
}

// dismiss undoes admit.
func (m *Module) dismiss() error {
	t := &m.engine.modules
	t.mu.Lock()
	t.release(m)
	t.mu.Unlock()
	r := m.runtime
	m.runtime = nil
	if r == nil {
		return nil
	}
	return r.Close(m.engine.ctx)
}

// compile compiles a module, which is read again if it is large and has to wait. It is false if nobody wants it any
// more.
func (m *Module) compile(ctx context.Context, from source, job compileJob) bool {
	e, expected := m.engine, compileTime(m.info.CodeBytes)
	limit := boundsFor(m.info, e.config.CompileBytes)
	small := len(job.original)+len(job.metered) <= smallBytes
	forget := func() {
		if !small {
			job = compileJob{}
		}
	}
	work := func() {
		job, err := job, error(nil)
		if job.metered == nil {
			job, _, err = e.prepare(from.read)
		}
		if m.err = err; err == nil {
			m.err = m.build(job, limit)
		}
	}
	if small && m.info.CodeBytes <= smallCode && len(e.config.Compiler) > 0 {
		full := limit
		limit.cpu = smallTime
		if !m.pass(ctx, e.smallCompiler, expected, 0, forget, work) {
			return false
		}
		limit = full
		if refused, ok := errors.AsType[*meter.Error](m.err); !ok || refused.Kind != meter.TooLarge {
			return true
		}
	}
	return m.pass(ctx, e.compilers, expected, limit.memory, forget, work)
}

// pass has the module wait for its turn in a lane, and does the work there; onWait is called before it waits. It is
// false if nobody wants the module any more; then it is off the table.
func (m *Module) pass(ctx context.Context, l *lane, expected time.Duration, weight int64, onWait, work func()) (wanted bool) {
	if !m.queue() {
		return false
	}
	if l.enter(ctx, expected, weight, onWait) {
		defer l.leave(weight)
	}
	if !m.begin(ctx) {
		return false
	}
	defer func() {
		if v := recover(); v != nil {
			m.err, wanted = recovered(v, debug.Stack()), true
		}
	}()
	work()
	return true
}

// queue makes the module one that waits, if anyone still wants it.
func (m *Module) queue() bool {
	t := &m.engine.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	if m.holders == 0 {
		m.abandon()
		return false
	}
	m.state = queued
	return true
}

// begin reports whether anyone still wants the module.
func (m *Module) begin(ctx context.Context) bool {
	t := &m.engine.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	if ctx.Err() != nil || m.state != queued {
		m.abandon()
		return false
	}
	m.state = working
	return true
}

// abandon takes the module off the table for good; the table's mutex is held.
func (m *Module) abandon() {
	m.engine.modules.remove(m)
	m.err = ErrClosed // for who still waits: only Close ends the wait while someone does
	close(m.ready)
}

// finish tells those who wait what became of the module.
func (m *Module) finish() {
	if m.err == nil {
		m.names = namesOf(m.info)
		m.compiled.ImportedFunctions() // has wazero make its records of functions now, rather than when a guest traps
	} else if err := m.dismiss(); err != nil {
		m.err = errors.Join(m.err, err)
	}
	t := &m.engine.modules
	t.mu.Lock()
	if _, refused := errors.AsType[*meter.Error](m.err); m.err != nil && !refused {
		t.remove(m)
	} else {
		m.state = compiled
		t.retire(m)
	}
	close(m.ready)
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}
