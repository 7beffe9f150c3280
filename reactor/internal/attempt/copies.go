package attempt

import (
	"sync"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
)

// copies gives a hooks.Output what the guest prints. The instances of a service print at the same time.
type copies struct {
	open func() hooks.Output

	mu sync.Mutex   // held while something is written
	to hooks.Output // nil until the guest prints
}

func (c *copies) write(stream api.Stream, p []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.to == nil {
		c.to = c.open()
	}
	c.to.Write(stream, p, time.Now())
}

// close is called when nothing is printed any more. Nil copies are closed.
func (c *copies) close() {
	if c == nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.to != nil {
		c.to.Close()
	}
}

// copied is a stream of which a copy is made of what it has taken.
type copied struct {
	hostcalls.Sink
	stream api.Stream
	copies *copies
}

// Write implements hostcalls.Sink.
func (s *copied) Write(p []byte) (int, error) {
	n, err := s.Sink.Write(p)
	if n > 0 {
		s.copies.write(s.stream, p[:n])
	}
	return n, err
}

// Level implements hostcalls.Leveler.
func (s *copied) Level() (nbytes int, hangup bool) { return s.Sink.(hostcalls.Leveler).Level() } //nolint:forcetypeassert // all streams of package stdio do
