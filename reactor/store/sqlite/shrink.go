package sqlite

import "time"

// SQLite keeps the pages that a connection has read and written, up to its cache_size, until the connection is
// closed. After a burst nobody needs that memory: a page takes 8 KiB of it, since the allocator below rounds up to
// powers of two, and the operating system caches the pages as well.

// shrinkInterval is how often connections are checked for having been busy and being idle now.
const shrinkInterval = 4 * time.Second

// fewStatements is the most that an idle connection runs in one interval, and the least that it must have run for
// its cache to be worth freeing.
const fewStatements = 200

// effort counts a connection's statements. It is owned by whoever has the connection.
type effort struct {
	now   int64 // in this interval
	since int64 // since the cache was last freed
}

// endInterval ends an interval, and reports whether to free the cache.
func (e *effort) endInterval() bool {
	now := e.now
	e.since += now
	e.now = 0
	if now > fewStatements || e.since <= fewStatements {
		return false
	}
	e.since = 0
	return true
}

// shrink ends an interval of a connection that is in no transaction.
func (c *conn) shrink() {
	if c.effort.endInterval() {
		_, _ = c.exec("PRAGMA shrink_memory") // a failure is tried again after the next effort
		c.effort = effort{}
	}
}

// shrinkReaders shrinks the idle reading connections, until the store closes.
func (s *Store) shrinkReaders() {
	ticks := time.NewTicker(shrinkInterval)
	defer ticks.Stop()
	for {
		select {
		case <-s.closing:
			return
		case <-ticks.C:
			for _, lane := range s.lanes.all() {
				lane.shrink()
			}
		}
	}
}

// shrink shrinks the idle connections, one after the other.
func (l lane) shrink() {
	for range cap(l) {
		select {
		case c := <-l:
			c.shrink()
			l <- c
		default:
			return
		}
	}
}
