package component

import (
	"container/list"
	"sync"
)

// definitions holds the definitions of components that are in use, and of some that were: most components are run again, and
// reading a large one takes longer than starting it. It does not hold compiled modules; the engine does.
type definitions struct {
	mu       sync.Mutex // guards the fields below
	byDigest map[string]*held
	idle     *list.List // of *held, longest idle first
	bytes    int64      // of those that are idle
}

// held is a definition in the table.
type held struct {
	*definition
	holders int
	place   *list.Element // in idle; nil if it is not there
}

// Bounds of idle definitions.
const (
	maxIdle      = 256
	maxIdleBytes = 64 << 20
)

func newDefinitions() *definitions {
	return &definitions{byDigest: map[string]*held{}, idle: list.New()}
}

// hold returns the definition of a digest with one more holder, or nil if it is not in the table.
func (t *definitions) hold(digest string) *definition {
	t.mu.Lock()
	defer t.mu.Unlock()
	h := t.byDigest[digest]
	if h == nil {
		return nil
	}
	h.holders++
	if h.place != nil {
		t.idle.Remove(h.place)
		h.place = nil
		t.bytes -= h.bytes
	}
	return h.definition
}

// add adds a definition that was made, with one holder, and returns it. If somebody else has made it meanwhile, it closes
// the new one and returns that.
func (t *definitions) add(d *definition) *definition {
	t.mu.Lock()
	_, taken := t.byDigest[d.digest]
	if !taken {
		t.byDigest[d.digest] = &held{definition: d, holders: 1}
	}
	t.mu.Unlock()
	if !taken {
		return d
	}
	if other := t.hold(d.digest); other != nil {
		d.close()
		return other
	}
	return t.add(d) // the other one is gone again
}

// release removes a holder. What nobody holds is kept for a while, as long as there is room.
func (t *definitions) release(d *definition) {
	t.mu.Lock()
	h := t.byDigest[d.digest]
	if h.holders--; h.holders == 0 {
		h.place = t.idle.PushBack(h)
		t.bytes += h.bytes
	}
	var evicted []*definition
	for t.idle.Len() > maxIdle || t.bytes > maxIdleBytes {
		oldest := t.idle.Front().Value.(*held)
		t.idle.Remove(oldest.place)
		t.bytes -= oldest.bytes
		delete(t.byDigest, oldest.digest)
		evicted = append(evicted, oldest.definition)
	}
	t.mu.Unlock()
	for _, d := range evicted {
		d.close()
	}
}

// close frees the host modules.
func (d *definition) close() {
	for _, h := range d.hosts {
		_ = h.Close() // it could only fail in closing a file system, which host modules don't have
	}
}

// close closes all definitions, which nobody holds.
func (t *definitions) close() {
	for digest, h := range t.byDigest {
		h.close()
		delete(t.byDigest, digest)
	}
}
