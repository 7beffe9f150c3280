package hooks

import (
	"time"

	"github.com/reactord/reactord/reactor/api"
)

// Source is an attempt whose guest prints something.
type Source struct {
	Event                    // of when it printed for the first time
	Name   string            // of the workload
	Labels map[string]string // not to be changed
}

// Output gets a copy of what a guest prints. Its methods are called one after the other.
type Output interface {
	// Write gets what was written to Stdout or Stderr, and may not keep p. It is called on the goroutine that writes, a worker most often,
	// and must not block.
	Write(stream api.Stream, p []byte, at time.Time)
	// Close is called when the attempt has ended and prints nothing any more.
	Close()
}
