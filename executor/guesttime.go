package executor

import "time"

// WaitKind is what a task waits for, as its body says to ParkFor. The executor adds up the waits of each kind, and knows no
// more of it.
type WaitKind uint8

// WaitKinds is one more than the largest WaitKind.
const WaitKinds = 16

// GuestTime is how long something has lasted for all tasks together, in microseconds. It is more than a time.Duration has room
// for: a hundred thousand tasks that wait for two days wait for five hundred years.
type GuestTime uint64

// Seconds returns the time in seconds.
func (t GuestTime) Seconds() float64 { return float64(t) / 1e6 }

func guestTimeOf(d time.Duration) GuestTime { return GuestTime(d / time.Microsecond) } //nolint:gosec // an uptime, which is not negative

// WaitTotal is how long all tasks together have waited for one kind, how many of these waits are over, and how many go on.
type WaitTotal struct {
	Time  GuestTime
	Count uint64
	Going int64
}

// lasting adds up how long something lasts that begins and ends for many tasks, as far as it has lasted, without looking at
// them. It is a plain value; times are uptimes.
type lasting struct {
	going  int64     // those that last now
	ended  uint64    // those that have ended
	offset GuestTime // the sum of the ends less that of the beginnings, modulo 2^64
	told   GuestTime // what total has returned last
}

func (l *lasting) begin(at time.Duration) {
	l.going++
	l.offset -= guestTimeOf(at)
}

func (l *lasting) end(at time.Duration) {
	l.going--
	l.ended++
	l.offset += guestTimeOf(at)
}

// total returns the sum at the time now. It never goes back, though it is found out later than that when a wait for a timer
// was over: it returns what it did before for as long as that is more.
func (l *lasting) total(now time.Duration) GuestTime {
	sum := l.offset + GuestTime(l.going)*guestTimeOf(now) //nolint:gosec // modulo 2^64
	if int64(sum-l.told) > 0 {                            //nolint:gosec // their difference is small, and may be negative
		l.told = sum
	}
	return l.told
}
