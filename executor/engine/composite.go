package engine

import "io"

// Composite is a module that consists of linked modules: what its owner keeps of it, besides them. It is kept and counted as
// one module. While nobody holds it, it holds the modules that it consists of.
type Composite struct {
	engine  *Engine
	digest  string
	content io.Closer

	// Guarded by moduleTable.mu.
	tableEntry
	parts []*Module // each with one holder; those that the last holders gave back
}

// HoldComposite returns the composite of a digest with one more holder, or nil if the engine does not have it.
func (e *Engine) HoldComposite(digest string) *Composite {
	t := &e.modules
	t.mu.Lock()
	defer t.mu.Unlock()
	c := t.composites[digest]
	if c == nil {
		return nil
	}
	t.hold(&c.tableEntry)
	return c
}

// AddComposite enters a composite with one holder. content is what is kept of it, and takes about so many bytes of memory. It
// is closed as soon as the engine does not keep it any more. Nobody holds it then, and guests may run on other goroutines.
//
// If there is a composite of this digest already, AddComposite closes content and returns that one. Errors are a *meter.Error
// if content is too large, a *TransientError and ErrClosed; content is closed then, too.
func (e *Engine) AddComposite(digest string, content io.Closer, bytes int64) (*Composite, error) {
	c, err := e.addComposite(digest, content, bytes)
	if err != nil || c.content != content {
		_ = content.Close()
	}
	return c, err
}

func (e *Engine) addComposite(digest string, content io.Closer, bytes int64) (*Composite, error) {
	t := &e.modules
	if err := t.fits(bytes); err != nil {
		return nil, err
	}
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return nil, ErrClosed
	}
	if c := t.composites[digest]; c != nil {
		t.hold(&c.tableEntry)
		t.mu.Unlock()
		return c, nil
	}
	c := &Composite{engine: e, digest: digest, content: content}
	c.of, c.holders = c, 1
	evicted, full := t.reserve(&c.tableEntry, bytes)
	if !full {
		t.composites[digest] = c
	}
	t.mu.Unlock()
	closeAll(evicted)
	if full {
		return nil, &TransientError{Err: ErrModuleMemory}
	}
	return c, nil
}

// Content returns what is kept of the composite.
func (c *Composite) Content() io.Closer { return c.content }

// Release removes a holder, who gives back the modules of the composite that he holds too. If loading them failed, those may
// be some only.
func (c *Composite) Release(parts []*Module) {
	t := &c.engine.modules
	t.mu.Lock()
	if len(parts) > len(c.parts) {
		c.parts, parts = parts, c.parts
	}
	for _, m := range parts {
		m.release(t)
	}
	c.holders--
	t.retire(&c.tableEntry)
	evicted := t.evict()
	t.mu.Unlock()
	closeAll(evicted)
}

// leave implements kept.
func (c *Composite) leave(t *moduleTable) {
	delete(t.composites, c.digest)
	t.release(&c.tableEntry)
	for _, m := range c.parts {
		m.release(t)
	}
}

// close implements kept.
func (c *Composite) close() { _ = c.content.Close() }
