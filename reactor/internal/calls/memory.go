package calls

import (
	"errors"
	"sync"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/reactor/internal/outcome"
)

// pool bounds the memory of the guests of all calls.
type pool struct {
	most int64 // in bytes

	mu   sync.Mutex
	used int64
}

// take takes bytes, if there are as many.
func (p *pool) take(bytes int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if bytes > p.most-p.used {
		return false
	}
	p.used += bytes
	return true
}

func (p *pool) give(bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.used -= bytes
}

// piece is what a guest takes of the pool at least: it asks rarely.
const piece = 1 << 20

// share is the part of the pool that one guest has. It implements hostcalls.Memory.
type share struct {
	pool      *pool
	taken     int64
	allowance engine.Allowance
}

// Allowance implements hostcalls.Memory.
func (s *share) Allowance() *engine.Allowance { return &s.allowance }

// Ask implements hostcalls.Memory. A guest never waits: its client does, and can try again.
func (s *share) Ask(bytes int64) (wait bool, err error) {
	more := bytes - s.taken
	for _, want := range []int64{max(more, piece), more} {
		if s.pool.take(want) {
			s.taken += want
			s.allowance.Grant(s.taken)
			return false, nil
		}
	}
	if bytes > s.pool.most {
		return false, &outcome.NodeMemoryError{Need: bytes, Node: s.pool.most}
	}
	return false, errShort
}

// errShort means that the guests of other calls have the memory.
var errShort = errors.New("the guests of other calls have the memory")

// Waits implements hostcalls.Memory.
func (s *share) Waits() bool { return false }

// free gives all back. The guest has ended.
func (s *share) free() { s.pool.give(s.taken) }
