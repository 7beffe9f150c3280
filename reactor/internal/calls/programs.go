package calls

import (
	"context"
	"sync"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/store"
)

// programs shares loaded programs among calls that run at the same time. The engine keeps what no call uses, within its bounds.
type programs struct {
	load func(ctx context.Context, digest store.Digest) (abi.Program, error)

	mu  sync.Mutex
	all map[store.Digest]*loadedProgram // which calls use
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
	l.users++
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

// leave gives a program up, which is released when its last user leaves.
func (p *programs) leave(l *loadedProgram) {
	p.mu.Lock()
	l.users--
	last := l.users == 0
	if last && p.all[l.digest] == l {
		delete(p.all, l.digest)
	}
	p.mu.Unlock()
	if last && l.program != nil {
		l.program.Release()
	}
}
