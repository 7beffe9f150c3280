// Package retention decides how old a finished workload may be, by a clock that may be set.
//
// Times of ends are wall clock times, as people mean them and as they stay on disk. A clock that
// jumps ahead by a day would make every result a day older than anybody could have seen it be. So
// what the clock has jumped, compared to the time that has passed, is not counted, and neither is
// the time in which the daemon was not there: a result is kept for at least as long as the daemon
// was up after it. It may be kept for longer: nothing here is pruned early, and what bounds the
// number and the bytes of results does not go by age.
//
// A Clock is used by one goroutine at a time.
package retention

import "time"

// tolerance is how far the clock may get ahead from one look to the next, as it is slewed, without
// being taken to have jumped.
const tolerance = 2 * time.Minute

// Clock tells from when on results are kept.
type Clock struct {
	keep   time.Duration
	wall   time.Time     // at the last look
	uptime time.Duration // at the last look
	ahead  time.Duration // what was jumped, and is not counted
	until  time.Duration // the uptime at which all that was there before the jumps has had its time
}

// New makes a clock for results to be kept for a time, from the last sign of life of a former daemon
// on; that is zero if there was none.
func New(keep time.Duration, former time.Time) *Clock { return &Clock{keep: keep, wall: former} }

// Before returns the time before which what has finished may go, and by how much the clock has jumped
// since the last look. Uptime is how long the daemon has been there, by a clock that nobody sets.
func (c *Clock) Before(wall time.Time, uptime time.Duration) (before time.Time, jump time.Duration) {
	wall = wall.Round(0) // by the wall clock alone
	if !c.wall.IsZero() {
		jump = wall.Sub(c.wall) - (uptime - c.uptime)
	}
	c.wall, c.uptime = wall, uptime
	if uptime >= c.until {
		c.ahead = 0
	}
	switch {
	case jump > tolerance:
		c.ahead += jump
		c.until = uptime + c.keep
	case jump >= -tolerance:
		jump = 0
	}
	return wall.Add(-c.keep - c.ahead), jump
}
