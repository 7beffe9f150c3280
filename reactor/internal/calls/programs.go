package calls

import (
	"context"
	"sync"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/store"
)

// maxIdle bounds the programs that no call uses and that are kept for the next.
const maxIdle = 16

// programs keeps loaded programs between calls.
type programs struct {
	load func(ctx context.Context, digest store.Digest) (abi.Program, error)

	mu     sync.Mutex
	all    map[store.Digest]*loadedProgram
	idle   []*loadedProgram // no call uses them, the least recently used first
	closed bool
}

// loadedProgram is a program that is loaded, or is being loaded.
type loadedProgram struct {
	digest  store.Digest
	users   int           // guarded by programs.mu
	loaded  chan struct{} // closed when program or err is set
	program abi.Program
	err     error

	abandoned bool // it was not loaded, since the client has gone
}

// use returns a program, which it loads if it is not there. The caller must leave it. Of several callers one loads; if its
// client goes, another one does.
func (p *programs) use(ctx context.Context, digest store.Digest) (*loadedProgram, error) {
	for {
		l, err := p.try(ctx, digest)
		if err == nil || ctx.Err() != nil || !l.abandoned {
			return l, err
		}
	}
}

// try is use, which may fail because another caller has given up.
func (p *programs) try(ctx context.Context, digest store.Digest) (*loadedProgram, error) {
	p.mu.Lock()
	l, found := p.all[digest]
	if !found {
		l = &loadedProgram{digest: digest, loaded: make(chan struct{})}
		if p.all == nil {
			p.all = map[store.Digest]*loadedProgram{}
		}
		p.all[digest] = l
	}
	if l.users++; found && l.users == 1 {
		p.takeIdle(l)
	}
	p.mu.Unlock()
	if !found {
		l.program, l.err = p.load(ctx, digest)
		l.abandoned = l.err != nil && ctx.Err() != nil
		p.mu.Lock()
		if l.err != nil && p.all[digest] == l {
			delete(p.all, digest) // the next caller tries again
		}
		p.mu.Unlock()
		close(l.loaded)
	}
	select {
	case <-l.loaded:
	case <-ctx.Done():
		p.leave(l)
		return l, context.Cause(ctx)
	}
	if l.err != nil {
		p.leave(l)
		return l, l.err
	}
	return l, nil
}

// takeIdle takes a program from the idle ones. mu is held.
func (p *programs) takeIdle(l *loadedProgram) {
	for i, other := range p.idle {
		if other == l {
			p.idle = append(p.idle[:i], p.idle[i+1:]...)
			return
		}
	}
}

// leave gives a program up, which is kept for a while.
func (p *programs) leave(l *loadedProgram) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if l.users--; l.users > 0 {
		return
	}
	select {
	case <-l.loaded:
	default: // whoever loads it uses it
		return
	}
	if l.err != nil || p.closed {
		p.drop(l)
		return
	}
	p.idle = append(p.idle, l)
	if len(p.idle) > maxIdle {
		oldest := p.idle[0]
		p.idle = p.idle[1:]
		p.drop(oldest)
	}
}

// drop forgets a program that nobody uses. mu is held.
func (p *programs) drop(l *loadedProgram) {
	if p.all[l.digest] == l {
		delete(p.all, l.digest)
	}
	if l.program != nil {
		l.program.Release()
	}
}

// close releases the programs that nobody uses, and each other one when its last user leaves it.
func (p *programs) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, l := range p.idle {
		p.drop(l)
	}
	p.idle = nil
}
