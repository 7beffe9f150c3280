package engine

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/tetratelabs/wazero"

	"github.com/reactord/reactord/executor/engine/meter"
)

// Module is a compiled module. It stays compiled at least as long as someone holds it.
//
// Its life, in steps:
//
//  1. The first Load of a digest enters it into the table and begins to load it
//     (see Engine.load): it is queued, and worked at, perhaps more than once.
//  2. Each Load, the first too, holds it and waits until it is ready.
//  3. When the last holder gives it up: queued, it is taken off the table and
//     loaded no further; worked at, it stays until it would be queued again;
//     compiled, it becomes idle.
//  4. A module that was refused stays on the table like a compiled one: it
//     would be again, and finding out may have taken long. Any other failure takes it
//     off the table, so that the next Load tries again.
//  5. An idle module is taken up again by Load, or closed when too many are idle or there is no
//     memory for others, the longest idle first; at once when it is told to be forgotten.
type Module struct {
	engine *Engine
	digest string
	ready  chan struct{} // closed when the five below are set
	info   *meter.Info
	// wazero frees the machine code when neither this nor an instance refers to it.
	compiled wazero.CompiledModule
	runtime  wazero.Runtime // its own
	err      error
	measure  sync.Once // makes frames, with the first instance
	frames   []int64   // of info.LargeFrames in the machine code
	names    names     // for stack traces

	// The rest is guarded by the table's mutex.
	holders   int
	state     moduleState
	cancel    context.CancelFunc // of its waits
	idle      *list.Element
	bytes     int64 // counted for it
	forgotten bool  // not to be kept when it is idle
}

type moduleState int

const (
	queued moduleState = iota
	working
	compiled // or refused
	gone     // off the table
)

// moduleTable has the modules by digest.
type moduleTable struct {
	mu       sync.Mutex
	byDigest map[string]*Module
	idle     *list.List // of *Module, longest idle first
	maxIdle  int
	limit    int64 // on the bytes of all modules
	used     int64
	closed   bool
}

func (t *moduleTable) init(maxIdle int, limit int64) {
	t.byDigest, t.idle, t.maxIdle, t.limit = map[string]*Module{}, list.New(), maxIdle, limit
}

// ErrModuleMemory is in the TransientError of a Load that would take the modules in use above their memory.
var ErrModuleMemory = errors.New("the modules in use take all the memory that compiled modules may have")

// fits refuses a module that is too large even for itself.
func (t *moduleTable) fits(size int64) error {
	if size <= t.limit {
		return nil
	}
	return &meter.Error{Kind: meter.TooLarge, Msg: fmt.Sprintf(
		"the module takes about %d MiB of memory when it is compiled, and all modules together may have %d", size>>20, t.limit>>20)}
}

// reserve counts bytes for a module, for which idle ones make room.
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

// release gives up what is counted for a module.
func (t *moduleTable) release(m *Module) {
	t.used -= m.bytes
	m.bytes = 0
}

// Load returns the module of a digest, compiled; the caller must Release it.
// However many ask for one digest at a time, it is compiled once, with what the first one's read
// returns: read may be called after that one's ctx is done, from another goroutine,
// twice, and not at all. Errors besides those of ctx and read are a *meter.Error for what the
// metering pass or the compiler refuse, an *UnknownImportError for what host modules don't
// have, a *TransientError, and ErrClosed.
func (e *Engine) Load(ctx context.Context, digest string, read func() ([]byte, error)) (*Module, error) {
	return e.LoadIf(ctx, digest, read, nil)
}

// LoadIf is Load, but a module that is not in memory is compiled only if accept returns nil for it. Else the
// error is what accept returned.
func (e *Engine) LoadIf(ctx context.Context, digest string, read func() ([]byte, error), accept func(*meter.Info) error) (*Module, error) {
	m, err := e.hold(digest, source{read, accept})
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

// CompiledModules returns how many modules are in memory in compiled form, or about to be.
func (e *Engine) CompiledModules() int {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.byDigest)
}

// ModuleMemory returns the bytes that all compiled modules take, about.
func (e *Engine) ModuleMemory() int64 {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.used
}

// Forget has a module closed as soon as nobody holds it, unless it is loaded again before.
func (e *Engine) Forget(digest string) {
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
}

// hold finds or enters the module of a digest.
func (e *Engine) hold(digest string, from source) (*Module, error) {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil, ErrClosed
	}
	m := t.byDigest[digest]
	if m == nil {
		m = &Module{engine: e, digest: digest, ready: make(chan struct{})}
		t.byDigest[digest] = m
		var ctx context.Context
		ctx, m.cancel = context.WithCancel(e.ctx)
		e.loading.Go(func() { e.load(ctx, m, from) })
	}
	m.holders++
	m.forgotten = false
	if m.idle != nil {
		t.idle.Remove(m.idle)
		m.idle = nil
	}
	return m, nil
}

// retain holds a module that the caller holds already once more.
func (m *Module) retain() {
	t := &m.engine.modules
	t.mu.Lock()
	m.holders++
	t.mu.Unlock()
}

// Release gives the module up.
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

// remove takes a module off the table, if another has not taken its place.
func (t *moduleTable) remove(m *Module) {
	if t.byDigest[m.digest] == m {
		delete(t.byDigest, m.digest)
	}
	t.release(m)
	m.state = gone
}

// evict takes idle modules off the table until there are no more of them, and no more bytes, than may be.
// The caller closes them, without the mutex.
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

// close refuses further Loads and gives up every idle module.
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
			// wazero takes the code off its table, and closes the host modules; neither has an error to return.
			_ = m.compiled.Close(m.engine.ctx)
			_ = m.runtime.Close(m.engine.ctx)
		}
	}
}
