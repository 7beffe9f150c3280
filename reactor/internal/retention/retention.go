// Package retention decides which finished workloads are old enough to be deleted, although the clock may be set.
//
// Ends are recorded in wall clock time. If the clock jumped ahead by a day, every result would become a day older
// than it is. So a [Clock] ignores by how much the wall clock has jumped, compared to the time that has passed, and
// also the time in which the daemon was down: a result is kept for at least as long as the daemon was up after it. A
// result may be kept longer. The bounds on the number and the bytes of results do not depend on age.
//
// A Clock is used by one goroutine at a time.
package retention

import "time"

// tolerance is how far the clock may get ahead between two readings, by being slewed, without counting as a jump.
const tolerance = 2 * time.Minute

// Clock computes from when on results are kept.
type Clock struct {
	keep   time.Duration
	wall   time.Time     // at the last reading
	uptime time.Duration // at the last reading
	ahead  time.Duration // the sum of the jumps, which is not counted
	jumped time.Duration // the uptime at the last jump ahead; after another keep all from before has been kept for long enough
}

// New makes a clock for results that are to be kept for the time keep. former is the last sign of life of an earlier
// daemon; zero if there was none.
func New(keep time.Duration, former time.Time) *Clock { return &Clock{keep: keep, wall: former} }

// SetKeep changes how long results are to be kept.
func (c *Clock) SetKeep(keep time.Duration) { c.keep = keep }

// Before returns the time before which finished workloads may be deleted, and by how much the clock has jumped since
// the last call. uptime is how long the daemon has been up, by a clock that nobody sets.
func (c *Clock) Before(wall time.Time, uptime time.Duration) (before time.Time, jump time.Duration) {
	wall = wall.Round(0) // without the monotonic reading
	if !c.wall.IsZero() {
		jump = wall.Sub(c.wall) - (uptime - c.uptime)
	}
	c.wall, c.uptime = wall, uptime
	if uptime >= c.jumped+c.keep {
		c.ahead = 0
	}
	switch {
	case jump > tolerance:
		c.ahead += jump
		c.jumped = uptime
	case jump >= -tolerance:
		jump = 0
	}
	return wall.Add(-c.keep - c.ahead), jump
}
