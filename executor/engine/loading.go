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
//  1. The module waits for one of a few loaders, since decoding may take several times a module's size in
//     memory. The loader reads, meters and links it and, if its machine code is on disk, loads that. A
//     loader never waits for a compilation. (TestSmallModulesPassLargeOnes)
//  2. A small module that has to be compiled waits for the compiler of small modules, which gives each
//     of them a second.
//  3. A large module, or a small one that takes longer, waits for one of the other compilers. They admit
//     modules by the amount of code and the time waited (TestSmallModulesPassLargeOnes), and no more at a
//     time than there is memory for (TestSemaphoreHasRoom).
//  4. The compiler compiles the module within bounds that depend on its code. The module's bytes are kept
//     until then if they are few or a compiler is free at once. Otherwise they are dropped, then read and
//     metered again, so that waiting modules take no memory. (TestModulesAreMeteredOnce)
//
// A module that has no holders any more stops waiting.

const (
	// A small module has at most smallBytes, original and metered together, and at most smallCode bytes of
	// code. Compilers process some 3 MB of code a second.
	smallBytes = 1 << 20
	smallCode  = 128 << 10
	smallTime  = time.Second
)

// compileTime estimates how long a module with that many bytes of code takes to compile.
func compileTime(code int) time.Duration {
	return 50*time.Millisecond + time.Duration(code)*400*time.Nanosecond
}

// Decode calls f, which decodes what consists of modules, as soon as it is one of the few that decode at a time. An error is
// that of ctx, or ErrClosed; then f was not called.
func (e *Engine) Decode(ctx context.Context, f func()) error {
	if !e.loaders.acquire(ctx, 0, 0, nil) {
		return context.Cause(ctx)
	}
	defer e.loaders.release(0)
	if e.ctx.Err() != nil {
		return ErrClosed
	}
	f()
	return nil
}

// source provides a module's bytes, and decides whether it is compiled.
type source struct {
	read   func() ([]byte, error)
	accept func(*meter.Info) error // nil accepts any module

	linking  Linking // nil: with host modules only
	name     string  // in stack traces, if it is linked
	original string  // digest, if it is linked
}

// loadInto loads a module. It runs on a goroutine of its own.
func (e *Engine) loadInto(ctx context.Context, m *Module, from source) {
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

// open decodes a module and loads its machine code from disk if it is there. Otherwise it returns the job
// to compile.
func (m *Module) open(from source) (job compileJob) {
	e := m.engine
	if job, m.info, m.err = e.prepare(from); m.err != nil {
		return compileJob{}
	}
	if from.accept != nil {
		m.err = from.accept(m.info)
	}
	if m.err == nil {
		m.err = e.modules.fits(footprint(m.info, 0))
	}
	if m.err == nil && e.cache != nil {
		if found, err := e.cache.find(e.ctx, m.digest, job); err == nil {
			m.err = m.install(job, found)
			if _, useless := errors.AsType[*InternalError](m.err); useless {
				_, m.err = e.cache.files.drop(m.digest) // the module is compiled again
			}
		}
	}
	return job
}

// install loads compiled code into the module's runtime. It returns an *InternalError if the code is
// unusable.
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

// admit reserves memory for the module and makes its runtime.
func (m *Module) admit(size int64) error {
	if err := m.reserve(size); err != nil {
		return err
	}
	if m.linking != nil && !m.engine.types.possible {
		m.runtime = m.engine.linker
		return nil
	}
	r, err := m.engine.newRuntime(m.linking != nil)
	m.runtime = r
	return err
}

// closeRuntime closes the module's runtime, unless it is the engine's.
func (m *Module) closeRuntime() error {
	r := m.runtime
	if r == nil || r == m.engine.linker {
		return nil
	}
	return r.Close(m.engine.ctx)
}

// dismiss undoes admit.
func (m *Module) dismiss() error {
	t := &m.engine.modules
	t.mu.Lock()
	t.release(&m.tableEntry)
	t.mu.Unlock()
	err := m.closeRuntime()
	m.runtime = nil
	return err
}

// compile compiles a module. A large module that has to wait is read again. compile returns false if the
// module has no holders any more.
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
			job, _, err = e.prepare(from)
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

// pass waits for a place in the semaphore and does the work there. onWait is called before it waits. pass
// returns false if the module has no holders any more; the module is then removed from the table.
func (m *Module) pass(ctx context.Context, s *semaphore, expected time.Duration, weight int64, onWait, work func()) (wanted bool) {
	if !m.queue() {
		return false
	}
	if s.acquire(ctx, expected, weight, onWait) {
		defer s.release(weight)
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

// queue sets the module's state to queued. It returns false, and abandons the module, if it has no holders.
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

// begin sets the module's state to working. It returns false, and abandons the module, if it was released
// while it was queued.
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

// abandon removes the module from the table for good. The caller holds moduleTable.mu.
func (m *Module) abandon() {
	m.engine.modules.remove(m)
	m.err = ErrClosed // a module with holders is abandoned only by Close
	close(m.ready)
}

// numberTypes numbers the types of a linked module.
func (m *Module) numberTypes() (err error) {
	types := m.info.ResultTypes
	m.info.ResultTypes = nil
	if m.engine.types.possible {
		m.typeKeys, err = m.engine.types.number(m.compiled, types)
	}
	return err
}

// finish publishes the result of loading to the holders.
func (m *Module) finish() {
	var more int64
	if m.err == nil && m.linking != nil {
		m.err = m.numberTypes()
	}
	if m.err == nil {
		m.names = namesOf(m.info)
		more = m.data.take(m.info, m.engine.pool)
		m.measureTables()
		m.compiled.ImportedFunctions() // makes wazero build its function records now rather than when a guest traps
	} else if err := m.dismiss(); err != nil {
		m.err = errors.Join(m.err, err)
	}
	t := &m.engine.modules
	t.mu.Lock()
	t.used += more
	m.bytes += more
	if m.err != nil && !remembered(m.err) {
		t.remove(m)
	} else {
		m.state, m.part = compiled, m.linking != nil && m.err == nil
		m.retire(t)
	}
	discarded := m.forgotten
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
	if discarded {
		m.engine.dropCode(m.digest) // it was stored since; before there are holders whose Load has returned, who may load it anew
	}
	close(m.ready)
}

// remembered reports whether the error of a load is kept instead of the module: it would come again, and finding out may have
// taken long. That a module is a component shows in its first bytes.
func remembered(err error) bool {
	refused, ok := errors.AsType[*meter.Error](err)
	return ok && refused.Kind != meter.Component
}
