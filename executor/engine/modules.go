package engine

import (
	"container/list"
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
//     needed for others, the longest idle first; at once after Discard.
type Module struct {
	engine *Engine
	digest string
	ready  chan struct{} // closed when info, compiled, runtime, err and names are set
	info   *meter.Info
	// wazero frees the machine code when neither this nor an instance refers to it.
	compiled wazero.CompiledModule
	runtime  wazero.Runtime // used by this module only
	err      error
	measure  sync.Once // sets frames, with the first instance
	frames   []int64   // frame sizes of info.LargeFrames in the machine code
	names    names     // for stack traces
	name     string    // in stack traces, if it is linked
	original string    // the digest that it was loaded by, if it is linked
	linking  Linking   // nil: it is linked with host modules only
	typeKeys []string  // of the types that are numbered
	data     initialData
	records  functionRecords

	hostBytes, tableBytes int64 // of an instance: HostBytes, and what newTables returns

	// Guarded by moduleTable.mu.
	holders   int
	state     moduleState
	cancel    context.CancelFunc // ends its waits for semaphores
	idle      *list.Element      // in moduleTable.idle; nil if not idle
	bytes     int64              // its part of moduleTable.used
	forgotten bool               // closed as soon as it is idle
}

type moduleState int

const (
	queued moduleState = iota
	working
	compiled // or refused
	gone     // removed from the table
)

// moduleTable holds the modules by digest.
type moduleTable struct {
	mu       sync.Mutex // guards the fields below
	byDigest map[string]*Module
	idle     *list.List // of *Module, longest idle first
	maxIdle  int
	limit    int64 // bound on used
	used     int64 // bytes of all modules
	closed   bool
}

func (t *moduleTable) init(maxIdle int, limit int64) {
	t.byDigest, t.idle, t.maxIdle, t.limit = map[string]*Module{}, list.New(), maxIdle, limit
}

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
	t.used += size
	m.bytes += size
	evicted := t.evict()
	full := t.used > t.limit
	if full {
		t.release(m)
	}
	t.mu.Unlock()
	closeAll(evicted)
	if full {
		return &TransientError{Err: ErrModuleMemory}
	}
	return nil
}

// release stops counting a module's bytes.
func (t *moduleTable) release(m *Module) {
	t.used -= m.bytes
	m.bytes = 0
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

// CompiledModules returns the number of modules that are compiled in memory or being loaded.
func (e *Engine) CompiledModules() int {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byDigest)
}

// ModuleMemory returns the estimated bytes of all compiled modules.
func (e *Engine) ModuleMemory() int64 {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Discard closes a module as soon as nobody holds it, unless it is loaded again first, and deletes its machine code
// from disk. It returns how many bytes that frees there.
func (e *Engine) Discard(digest string) (freed int64) {
	t := &e.modules
	t.mu.Lock()
	var evicted []*Module
	if m := t.byDigest[digest]; m != nil {
		m.forgotten = true
		if m.idle != nil {
			t.idle.MoveToFront(m.idle)
		}
		evicted = t.evict()
	}
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
		t.byDigest[digest] = m
		var ctx context.Context
		ctx, m.cancel = context.WithCancel(e.ctx)
		e.loading.Go(func() { e.loadInto(ctx, m, from) })
	}
	m.holders++
	m.forgotten = false
	if m.idle != nil {
		t.idle.Remove(m.idle)
		m.idle = nil
	}
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
	m.holders--
	if m.holders == 0 && m.state == queued {
		t.remove(m)
		m.cancel()
	}
	t.retire(m)
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}

// Info describes the module as its author wrote it.
func (m *Module) Info() *meter.Info { return m.info }

// retire makes a compiled module idle if nobody holds it.
func (t *moduleTable) retire(m *Module) {
	if m.holders > 0 || m.state != compiled || m.idle != nil {
		return
	}
	if m.forgotten {
		m.idle = t.idle.PushFront(m)
	} else {
		m.idle = t.idle.PushBack(m)
	}
}

// remove removes a module from the table, unless another has taken its place.
func (t *moduleTable) remove(m *Module) {
	if t.byDigest[m.digest] == m {
		delete(t.byDigest, m.digest)
	}
	t.release(m)
	m.state = gone
}

// evict removes idle modules from the table until both their number and the bytes of all modules are
// within bounds. The caller closes the evicted modules without holding mu.
func (t *moduleTable) evict() (evicted []*Module) {
	for t.idle.Len() > 0 {
		m := t.idle.Front().Value.(*Module)
		if t.idle.Len() <= t.maxIdle && t.used <= t.limit && !m.forgotten {
			break
		}
		t.idle.Remove(m.idle)
		m.idle = nil
		t.remove(m)
		evicted = append(evicted, m)
	}
	return evicted
}

// close makes further Loads fail and closes every idle module.
func (t *moduleTable) close() {
	t.mu.Lock()
	t.closed = true
	t.maxIdle = 0
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}

func closeAll(modules []*Module) {
	for _, m := range modules {
		if m.compiled != nil {
			// These remove the code from wazero's table and close the host modules. Neither can fail.
			_ = m.compiled.Close(m.engine.ctx)
			_ = m.closeRuntime()
			m.engine.types.release(m.typeKeys)
			m.data.close()
		}
	}
}
