package cli

import (
	"errors"
	"io"
	"sync"
	"syscall"
)

// results is the standard output of a command. It remembers the first failed write, so that no command that lost some of
// what it had to print ends as if all were well. It may be used from any goroutine.
type results struct {
	to io.Writer
	// onWrite is called before each write.
	onWrite func()

	mu  sync.Mutex
	err error
}

func (r *results) Write(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.onWrite()
	n, err := r.to.Write(p)
	if err != nil && r.err == nil {
		r.err = err
	}
	return n, err
}

// failure returns why a write failed, or nil.
func (r *results) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// isClosedPipe reports whether a write failed since nobody reads what is written.
func isClosedPipe(err error) bool { return errors.Is(err, syscall.EPIPE) }
