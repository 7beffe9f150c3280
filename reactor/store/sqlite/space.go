package sqlite

import (
	"fmt"

	"github.com/reactord/reactord/reactor/store"
)

// space bounds what the database takes, in levels: output is refused first, then submissions, so that
// what has begun can always be brought to its end. SQLite holds the bound itself. It belongs to the
// writer's goroutine.
type space struct {
	bound   int64 // 0 is none
	pressed func()
	used    int64 // when it was last looked at, and about what was written since
	since   int64 // that
	high    bool  // pressed was called and has not helped yet
}

// Parts of the bound.
const (
	reservePart = 16 // is for the ends of workloads; output leaves twice as much
	lookPart    = 64 // may be written before it is looked again how much is used
	maxUnlooked = 1 << 20
)

func (s *space) reserve() int64 { return s.bound / reservePart }

// highWater is where pressed is called, and lowWater is what there should be when it has helped.
func (s *space) highWater() int64 { return s.bound - 3*s.reserve() }

func (s *space) full(leave int64) error {
	if s.bound == 0 || s.used <= s.bound-leave {
		return nil
	}
	return fmt.Errorf("%w: about %d bytes of %d are used", errBound, s.used, s.bound)
}

// errBound is a refusal, of an op that the bound has no room for.
var errBound = fmt.Errorf("%w: its bound on the database is reached", store.ErrFull)

// forOutput and forWork refuse what there is no room for.
func (s *space) forOutput() error { return s.full(2 * s.reserve()) }
func (s *space) forWork() error   { return s.full(s.reserve()) }

// wrote counts what was committed, and looks how much is used if that was much.
func (s *space) wrote(c *conn, bytes int64) error {
	if s.bound == 0 {
		return nil
	}
	s.used += bytes
	s.since += bytes
	if s.since < min(s.bound/lookPart, maxUnlooked) {
		return nil
	}
	return s.look(c)
}

// look finds out how much is used.
func (s *space) look(c *conn) (err error) {
	if s.used, err = usedBytes(c); err != nil {
		return err
	}
	s.since = 0
	high := s.bound > 0 && s.used > s.highWater()
	if high && !s.high && s.pressed != nil {
		s.pressed()
	}
	s.high = high
	return nil
}

// usedBytes is what the database takes, without the pages that are free to be used again.
func usedBytes(c *conn) (int64, error) {
	var pages, free int64
	if _, err := c.one("PRAGMA page_count", nil, &pages); err != nil {
		return 0, err
	}
	_, err := c.one("PRAGMA freelist_count", nil, &free)
	return (pages - free) * pageSize, err
}
