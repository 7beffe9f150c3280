package dev

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/reactord/reactord/cmd/reactorctl/internal/source"
)

// shelf has the modules that the loop needs on the daemon. Two builds may have the same digest, so it counts. One call at
// a time talks to the daemon: a module that is being removed is not taken for one that is there.
type shelf struct {
	node Node

	mu     sync.Mutex
	needed map[string]int            // how many builds of a digest are needed
	pushed map[string]bool           // the daemon did not have it before the loop
	open   map[string]*source.Module // those that are needed, to be pushed again
}

func newShelf(node Node) *shelf {
	return &shelf{node: node, needed: map[string]int{}, pushed: map[string]bool{}, open: map[string]*source.Module{}}
}

// push has the daemon store a module, which is needed from then on. It takes over the module, and closes it when it is not
// needed any more.
func (s *shelf) push(ctx context.Context, m *source.Module) (digest string, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if digest, err = s.store(ctx, m); err != nil {
		_ = m.Close() // the file was only read
		return "", err
	}
	s.needed[digest]++
	s.close(digest)
	s.open[digest] = m
	return digest, nil
}

// pushAgain has the daemon store a module that is needed, and that somebody has removed there.
func (s *shelf) pushAgain(ctx context.Context, digest string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.open[digest]
	if m == nil {
		return errors.New("the module is not needed any more")
	}
	_, err := s.store(ctx, m)
	return err
}

func (s *shelf) store(ctx context.Context, m *source.Module) (digest string, err error) {
	digest, existed, err := s.node.Push(ctx, m)
	if err == nil && !existed {
		s.pushed[digest] = true
	}
	return digest, err
}

func (s *shelf) close(digest string) {
	if m := s.open[digest]; m != nil {
		_ = m.Close() // the file was only read
		delete(s.open, digest)
	}
}

// release takes back one push. A module that is no longer needed is removed if the loop brought it.
func (s *shelf) release(ctx context.Context, digest string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.needed[digest]--; s.needed[digest] > 0 {
		return
	}
	delete(s.needed, digest)
	s.close(digest)
	_ = s.remove(ctx, digest) // clear tries again
}

// clear removes what could not be removed before.
func (s *shelf) clear(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for digest := range s.open {
		s.close(digest)
	}
	var failure error
	for digest := range s.pushed {
		if err := s.remove(ctx, digest); err != nil {
			failure = errors.Join(failure, fmt.Errorf("module %s is left behind: %w", digest, err))
		}
	}
	return failure
}

func (s *shelf) remove(ctx context.Context, digest string) error {
	if !s.pushed[digest] || s.needed[digest] > 0 {
		return nil
	}
	err := s.node.Remove(ctx, digest)
	if err == nil {
		delete(s.pushed, digest)
	}
	return err
}
