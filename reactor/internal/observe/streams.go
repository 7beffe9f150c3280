package observe

import (
	"context"
	"fmt"
	"sync"

	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Streams counts the calls that last as long as their clients want: watches, followed logs, attached clients. A
// shutdown tells them that nothing will change any more, and waits until they have returned. All methods may be
// called from any goroutine; only Await and Wait block.
type Streams struct {
	quiet chan struct{} // closed by End

	// mu guards the fields below.
	mu    sync.Mutex
	count int
	left  notify.Broadcast // told when count is zero
}

// NewStreams returns a Streams of no calls.
func NewStreams() *Streams { return &Streams{quiet: make(chan struct{})} }

// Enter counts a call, until Leave. After End it is refused.
func (s *Streams) Enter() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.quiet:
		return refusal.Draining()
	default:
		s.count++
		return nil
	}
}

// Leave ends a call that Enter counted.
func (s *Streams) Leave() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count--; s.count == 0 {
		s.left.Tell()
	}
}

// End says that nothing will change any more. It is called once.
func (s *Streams) End() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.quiet)
}

// Quiet is closed by End.
func (s *Streams) Quiet() <-chan struct{} { return s.quiet }

// Wait waits until no call is counted, after End.
func (s *Streams) Wait(ctx context.Context) error {
	s.mu.Lock()
	if s.count == 0 {
		s.mu.Unlock()
		return nil
	}
	left := s.left.Next()
	s.mu.Unlock()
	select {
	case <-left:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("watches have not ended: %w", context.Cause(ctx))
	}
}

// Await waits for a change of a workload, which closes changed, for the end of ctx, or for End.
func (s *Streams) Await(ctx context.Context, id string, changed <-chan struct{}) error {
	if changed == nil {
		return refusal.Unrecorded(id)
	}
	select {
	case <-changed:
		return nil
	default:
	}
	select {
	case <-changed:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-s.quiet:
		return refusal.Draining()
	}
}
