package sqlite

import (
	"fmt"
	"sync/atomic"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/reactor/store"
)

// space bounds the size of the database in levels: output is refused first, then submissions, so that the end of
// running work can always be recorded. SQLite enforces the bound itself. space is owned by the writer's
// goroutine; others may read used.
type space struct {
	bound      int64 // 0 is no bound
	onPressed  func()
	used       atomic.Int64 // when last measured, plus about what was written since
	unmeasured int64        // bytes written since it was measured
	pressed    bool         // onPressed was called, and has not helped yet
}

// Parts of the bound.
const (
	reservePart   = 16 // reserved for the ends of workloads; output leaves twice as much
	measurePart   = 64 // may be written before the size is measured again
	maxUnmeasured = 1 << 20
)

func (s *space) reserve() int64 { return s.bound / reservePart }

// highWater is where onPressed is called, and lowWater is what pruning should reach.
func (s *space) highWater() int64 { return s.bound - 3*s.reserve() }

func (s *space) full(leave int64) error {
	used := s.used.Load()
	if s.bound == 0 || used <= s.bound-leave {
		return nil
	}
	return fmt.Errorf("%w: about %s of %s are used", errBound, humanize.IBytes(uint64(used)), humanize.IBytes(uint64(s.bound)))
}

// errBound refuses an op because of the bound.
var errBound = fmt.Errorf("%w: its bound on the database is reached", store.ErrFull)

// forOutput and forWork return an error if there is no space for output, or for new work.
func (s *space) forOutput() error { return s.full(2 * s.reserve()) }
func (s *space) forWork() error   { return s.full(s.reserve()) }

// onCommitted counts committed bytes, and measures the size again if they are many.
func (s *space) onCommitted(c *conn, bytes int64) error {
	if s.bound == 0 {
		return nil
	}
	s.used.Add(bytes)
	s.unmeasured += bytes
	if s.unmeasured < min(s.bound/measurePart, maxUnmeasured) {
		return nil
	}
	return s.measure(c)
}

// measure reads the size of the database.
func (s *space) measure(c *conn) error {
	used, err := usedBytes(c)
	if err != nil {
		return err
	}
	s.used.Store(used)
	s.unmeasured = 0
	high := s.bound > 0 && used > s.highWater()
	if high && !s.pressed && s.onPressed != nil {
		s.onPressed()
	}
	s.pressed = high
	return nil
}

// usedBytes returns the size of the database without its free pages.
func usedBytes(c *conn) (int64, error) {
	var pages, free int64
	if _, err := c.one("PRAGMA page_count", nil, &pages); err != nil {
		return 0, err
	}
	_, err := c.one("PRAGMA freelist_count", nil, &free)
	return (pages - free) * pageSize, err
}

// DatabaseBytes implements store.Workloads.
func (s *Store) DatabaseBytes() (used, bound int64) {
	return s.writer.space.used.Load(), s.cfg.DatabaseBytes
}
