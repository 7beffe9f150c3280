package engine

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Module is a compiled module. It stays compiled at least as long as it has holders.
//
// Its life, in steps:
//
//  1. The first Load of a digest enters the module into the table and starts to load it (see
//     Engine.load). It is queued and working by turns, perhaps more than once.
//  2. Each Load, including the first, holds the module and waits until it is ready.
//  3. When the last holder releases it, a queued module is removed from the table and not loaded. A
//     working one is removed when it would be queued again. A compiled one becomes idle.
//  4. A refused module stays in the table like a compiled one: it would be refused again, and finding
//     out may have taken long. After any other failure the module is removed, so that the next Load
//     tries again.
//  5. An idle module is held again by Load, or closed: when too many modules are idle or memory is
//     needed for others, the longest idle first; at once after Discard. A linked module is closed as soon
//     as it is idle: as long as it may be needed again, its Composite holds it.
type Module struct {
	engine *Engine
	digest string
	ready  chan struct{} // closed when info, compiled, runtime, err and names are set
	info   *meter.Info
	// wazero frees the machine code when neither this nor an instance refers to it.
	compiled wazero.CompiledModule
	runtime  wazero.Runtime // used by this module only
	err      error
	measure  sync.Once // sets frames and inGlobal, with the first instance
	frames   []int64   // frame sizes of info.LargeFrames in the machine code
	inGlobal []string  // the names of the globals that have them
	names    names     // for stack traces
	name     string    // in stack traces, if it is linked
	original string    // the digest that it was loaded by, if it is linked
	linking  Linking   // nil: it is linked with host modules only
	typeKeys []string  // of the types that are numbered
	data     initialData
	records  functionRecords
	handles  handles

	hostBytes, tableBytes int64 // of an instance: HostBytes, and what newTables returns

	// Guarded by moduleTable.mu.
	tableEntry
	state  moduleState
	cancel context.CancelFunc // ends its waits for semaphores
}

type moduleState int

const (
	queued moduleState = iota
	working
	compiled // or refused
	gone     // removed from the table
)

// ErrModuleMemory is wrapped in the TransientError of a Load when the modules in use leave no memory for
// another.
var ErrModuleMemory = errors.New("the modules in use take all the memory for compiled modules")

// fits refuses a module that is larger than the limit of all modules.
func (t *moduleTable) fits(size int64) error {
	if size <= t.limit {
		return nil
	}
	return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf(
		"the compiled module takes about %s of memory, the limit for all modules together is %s",
		humanize.IBytes(uint64(size)), humanize.IBytes(uint64(t.limit)))}
}

// reserve counts bytes for a module, evicting idle modules to make room.
func (m *Module) reserve(size int64) error {
	t := &m.engine.modules
	if err := t.fits(size); err != nil {
		return err
	}
	t.mu.Lock()
	evicted, full := t.reserve(&m.tableEntry, size)
	t.mu.Unlock()
	closeAll(evicted)
	if full {
		return &TransientError{Err: ErrModuleMemory}
	}
	return nil
}

// Load returns the compiled module of a digest. The caller must Release it.
//
// Concurrent Loads of one digest compile it once, with the bytes that the read of the first returns.
// read may be called on another goroutine, after ctx is done, twice, or not at all.
//
// Besides the errors of ctx and read, Load returns a *meter.Error if the metering pass or the compiler
// refuses the module, an *UnknownImportError if it imports what host modules don't export, a
// *TransientError, or ErrClosed.
func (e *Engine) Load(ctx context.Context, digest string, read func() ([]byte, error)) (*Module, error) {
	return e.LoadIf(ctx, digest, read, nil)
}

// LoadIf is Load, but compiles a module that is not in memory only if accept returns nil. Otherwise it
// returns accept's error.
func (e *Engine) LoadIf(ctx context.Context, digest string, read func() ([]byte, error), accept func(*meter.Info) error) (*Module, error) {
	return e.load(ctx, digest, source{read: read, accept: accept})
}

func (e *Engine) load(ctx context.Context, digest string, from source) (*Module, error) {
	m, err := e.hold(digest, from)
	if err != nil {
		return nil, err
	}
	select {
	case <-m.ready:
	case <-ctx.Done():
		m.Release()
		return nil, context.Cause(ctx)
	}
	if m.err != nil {
		m.Release()
		return nil, m.err
	}
	return m, nil
}

// CompiledModules returns the number of modules that are compiled in memory or being loaded. A Composite counts as one.
func (e *Engine) CompiledModules() int {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byDigest) - t.linked + len(t.composites)
}

// Compilations returns how many modules are being compiled, and how many wait for that.
func (e *Engine) Compilations() (running, waiting int) {
	for _, s := range []*semaphore{e.smallCompiler, e.compilers} {
		inside, outside := s.load()
		running, waiting = running+inside, waiting+outside
	}
	return running, waiting
}

// ModuleMemory returns the estimated bytes of all compiled modules.
func (e *Engine) ModuleMemory() int64 {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Discard closes a module or Composite as soon as nobody holds it, unless it is loaded again first, and deletes its machine code
// from disk. It returns how many bytes that frees there.
func (e *Engine) Discard(digest string) (freed int64) {
	t := &e.modules
	t.mu.Lock()
	if m := t.byDigest[digest]; m != nil {
		t.forget(&m.tableEntry)
	}
	if c := t.composites[digest]; c != nil {
		t.forget(&c.tableEntry)
	}
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
	return e.dropCode(digest)
}

// dropCode deletes a module's machine code from disk.
func (e *Engine) dropCode(digest string) (freed int64) {
	if e.cache == nil {
		return 0
	}
	freed, err := e.cache.files.drop(digest)
	if err != nil {
		e.cache.report(err)
		return 0
	}
	return freed
}

// CodeBytes returns what a module's machine code takes on disk.
func (e *Engine) CodeBytes(digest string) int64 {
	if e.cache == nil {
		return 0
	}
	return e.cache.files.size(digest)
}

// CodeModules returns the digests of the modules whose machine code is on disk.
func (e *Engine) CodeModules() []string {
	if e.cache == nil {
		return nil
	}
	return e.cache.files.modules()
}

// isHeld reports whether a module has holders.
func (t *moduleTable) isHeld(digest string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	m := t.byDigest[digest]
	return m != nil && m.holders > 0
}

// hold returns the module of a digest with one more holder. If the table does not have it, hold enters it
// and starts to load it.
func (e *Engine) hold(digest string, from source) (*Module, error) {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	m := t.byDigest[digest]
	if m == nil {
		m = &Module{engine: e, digest: digest, name: from.name, original: from.original, linking: from.linking, ready: make(chan struct{})}
		m.tableEntry.of = m
		t.add(m)
		var ctx context.Context
		ctx, m.cancel = context.WithCancel(e.ctx)
		e.loading.Go(func() { e.loadInto(ctx, m, from) })
	}
	t.hold(&m.tableEntry)
	return m, nil
}

// retain adds a holder to a module that the caller holds already.
func (m *Module) retain() {
	t := &m.engine.modules
	t.mu.Lock()
	m.holders++
	t.mu.Unlock()
}

// Release removes a holder of the module.
func (m *Module) Release() {
	t := &m.engine.modules
	t.mu.Lock()
	m.release(t)
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}

// release removes a holder.
func (m *Module) release(t *moduleTable) {
	m.holders--
	if m.holders == 0 && m.state == queued {
		t.remove(m)
		m.cancel()
	}
	m.retire(t)
}

// Info describes the module as its author wrote it.
func (m *Module) Info() *meter.Info { return m.info }

// retire makes a compiled module idle if nobody holds it.
func (m *Module) retire(t *moduleTable) {
	if m.state == compiled {
		t.retire(&m.tableEntry)
	}
}

// leave implements kept.
func (m *Module) leave(t *moduleTable) { t.remove(m) }

// close implements kept.
func (m *Module) close() {
	if m.compiled != nil {
		// These remove the code from wazero's table and close the host modules. Neither can fail.
		_ = m.compiled.Close(m.engine.ctx)
		_ = m.closeRuntime()
		m.engine.types.release(m.typeKeys)
		m.data.close()
	}
}
