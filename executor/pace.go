package executor

import "time"

const (
	// fuelPerMicrosecond is the rate at which compiled WebAssembly burns fuel.
	fuelPerMicrosecond = 2500
	// shortestTurn is the least time that counts as that of a quantum, however small it is set: below it,
	// what the worker and the system do themselves is most of what is measured.
	shortestTurn = 50 * time.Microsecond
	// tolerance is how many times the usual a slice may take before the next ones are cut.
	tolerance = 4
	// firstSlice is the part of a quantum that a task is handed first.
	firstSlice = 16
	// leastSlice is the fuel that a task is always handed, so that it goes on.
	leastSlice = 250
	// slowGrowth is the part of a quantum by which a slice grows beyond what is trusted.
	slowGrowth = 1024
	// mostCharged is the time charged for one turn at most: a process that was stopped for an hour has not
	// worked for an hour.
	mostCharged = 100 * time.Millisecond
)

// turn is what a task may use of a worker at a stretch.
type turn struct {
	fuel int64         // the quantum
	time time.Duration // what it usually takes
}

func newTurn(quantum int64) turn {
	return turn{fuel: quantum, time: max(time.Duration(quantum)*time.Microsecond/fuelPerMicrosecond, shortestTurn)}
}

// long reports whether something took so much longer than a turn that fuel does not tell what it is.
func (t turn) long(took time.Duration) bool { return took > tolerance*t.time }

// least is the fuel that is always handed out.
func (t turn) least() int64 { return min(leastSlice, t.fuel) }

// pace bounds how long a task keeps its worker where its fuel does not tell: some instructions take
// many times what they are charged, and the first touch of a page takes the kernel thousands. A quantum is
// handed out in slices. One that takes too long makes the next as much smaller. Slices double again
// while they take no longer than a turn; but only up to half of the one that took too long, and
// slowly from there on, or code that is cheap and dear by turns would be trusted each time it is
// cheap. It is a plain value: no clock.
type pace struct {
	slice   int64 // fuel to hand out at once
	trusted int64 // the slice up to which it doubles
}

func newPace(t turn) pace {
	return pace{slice: max(t.fuel/firstSlice, t.least()), trusted: t.fuel}
}

// ran takes note of a slice: what it burnt, and how long it took.
func (p *pace) ran(t turn, burnt int64, took time.Duration) {
	switch {
	case t.long(took):
		p.trusted = max(p.slice/2, t.least())
		p.slice = max(int64(float64(p.slice)*float64(t.time)/float64(took)), t.least())
	case p.slice == t.fuel, took > t.time, burnt < p.slice/2:
		// It is right, or there is nothing to be learnt from so little.
	case p.slice < p.trusted:
		p.slice = min(2*max(p.slice, burnt), p.trusted)
	default:
		p.slice = min(p.slice+t.fuel/slowGrowth+1, t.fuel)
		p.trusted = p.slice
	}
}

// charge returns the fuel that a turn counts for among tenants: what it burnt, or what the
// worker's time is worth if fuel does not tell.
func (p *pace) charge(t turn, burnt int64, took time.Duration) int64 {
	if !t.long(took) && p.trusted == t.fuel {
		return burnt
	}
	return max(burnt, min(took, mostCharged).Microseconds()*fuelPerMicrosecond)
}
