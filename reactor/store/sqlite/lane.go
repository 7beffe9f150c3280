package sqlite

import (
	"context"
	"errors"

	"github.com/reactord/reactord/reactor/store"
)

// lane holds the idle connections for one kind of read. A read waits only for others of its kind, in the order
// in which they came.
type lane chan *conn

// lanes keep fast reads from waiting behind slow ones.
type lanes struct {
	records lane // single records: less than a millisecond
	lists   lane // pages of records: some milliseconds
	logs    lane // steps through logs: some milliseconds, as often as the reader likes
}

func (l lanes) all() []lane { return []lane{l.records, l.lists, l.logs} }

// openLanes opens the given number of connections for each lane.
func openLanes(each int, connect func() (*conn, error)) (lanes, error) {
	l := lanes{make(lane, each), make(lane, each), make(lane, each)}
	for _, lane := range l.all() {
		for range each {
			c, err := connect()
			if err != nil {
				return l, err
			}
			lane <- c
		}
	}
	return l, nil
}

// await waits until all connections are idle. Nobody may take one any more.
func (l lanes) await() {
	for _, lane := range l.all() {
		idle := make([]*conn, 0, cap(lane))
		for range cap(lane) {
			idle = append(idle, <-lane)
		}
		for _, c := range idle {
			lane <- c
		}
	}
}

// close closes the idle connections.
func (l lanes) close() error {
	var faults []error
	for _, lane := range l.all() {
		for len(lane) > 0 {
			faults = append(faults, (<-lane).close())
		}
	}
	return errors.Join(faults...)
}

// read calls f with a connection of a lane, in a snapshot.
func (s *Store) read(ctx context.Context, from lane, f func(*conn) error) error {
	var c *conn
	select {
	case <-s.closing:
		return store.ErrClosed
	default:
	}
	select {
	case c = <-from:
	case <-s.closing:
		return store.ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { from <- c }()
	return translate(c.snapshot(func() error { return f(c) }))
}
