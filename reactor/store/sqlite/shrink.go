package sqlite

import "time"

// SQLite keeps the pages that a connection has read and written, up to its cache_size, until the
// connection is closed: after a burst that is memory which nobody needs. A page takes 8 KiB of it, for the
// allocator below rounds up to powers of two. The operating system's cache has them as well.

// shrinkInterval is how often it is looked at whether connections have done much, and do no more.
const shrinkInterval = 4 * time.Second

// fewStatements are what a connection runs in one interval that is at rest, and what it has run at the
// least for its cache to be worth a look.
const fewStatements = 200

// effort is what a connection has done, in statements. Who has the connection has it.
type effort struct {
	now   int64 // in this interval
	since int64 // the cache was last given back
}

// rested ends an interval, and reports whether to give the cache back.
func (e *effort) rested() bool {
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
	if c.effort.rested() {
		_, _ = c.exec("PRAGMA shrink_memory") // what fails is tried again with the next effort
		c.effort = effort{}
	}
}

// shrinkReaders shrinks the connections that read and that no call uses, until the store closes.
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

// shrink shrinks the connections that no call uses, one after the other.
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
