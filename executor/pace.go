package executor

import (
	"math"
	"time"
)

const (
	// fuelPerMicrosecond is the rate at which compiled WebAssembly burns fuel.
	fuelPerMicrosecond = 2500
	// minQuantumTime is the lower bound of quantum.time. In less time, most of what is measured is
	// work of the worker and the system.
	minQuantumTime = 50 * time.Microsecond
	// overrunFactor is how many times quantum.time a slice may take before the next ones are cut.
	overrunFactor = 4
	// firstSliceDivisor gives a task's first slice, as a part of the quantum.
	firstSliceDivisor = 16
	// minSlice is the smallest slice in fuel, so that every task makes progress.
	minSlice = 250
	// maxQuantum is the largest quantum, 0.9 s: a pace counts in 32 bits.
	maxQuantum = math.MaxInt32
	// slowGrowthDivisor gives the growth of slices beyond pace.trusted, as a part of the quantum.
	slowGrowthDivisor = 1024
	// maxChargedTime bounds the time charged for one quantum: a process that was stopped for an hour
	// has not worked for an hour.
	maxChargedTime = 100 * time.Millisecond
)

// quantum is what a task may use of a worker at a stretch.
type quantum struct {
	fuel int64
	time time.Duration // what burning that fuel usually takes
}

func newQuantum(fuel int64) quantum {
	return quantum{fuel: fuel, time: max(time.Duration(fuel)*time.Microsecond/fuelPerMicrosecond, minQuantumTime)}
}

// overran reports whether the time taken is so much longer than usual that fuel does not measure it.
func (q quantum) overran(took time.Duration) bool { return took > overrunFactor*q.time }

// minSlice is the smallest slice of this quantum.
func (q quantum) minSlice() int64 { return min(minSlice, q.fuel) }

// pace bounds how long a task keeps its worker when fuel does not measure its time: some instructions
// take many times what they are charged, and the first touch of a page takes the kernel thousands.
//
// A quantum is given out in slices. A slice that takes too long makes the next one proportionally
// smaller. Slices double again while they take no longer than a quantum should, but only up to half of
// the slice that took too long. Beyond that they grow slowly: otherwise code that alternates between
// cheap and expensive would be trusted each time it is cheap. A pace is a plain value: no clock. It is small, so that a Fiber
// fits into a cache line.
type pace struct {
	slice   int32 // fuel of the next slice
	trusted int32 // the slice up to which slices double
}

func newPace(q quantum) pace {
	return paceOf(max(q.fuel/firstSliceDivisor, q.minSlice()), q.fuel)
}

func paceOf(slice, trusted int64) pace {
	return pace{slice: int32(slice), trusted: int32(trusted)} //nolint:gosec // at most maxQuantum
}

// update adapts the pace to a slice: the fuel it burnt and the time it took.
func (p *pace) update(q quantum, burnt int64, took time.Duration) {
	slice, trusted := int64(p.slice), int64(p.trusted)
	switch {
	case q.overran(took):
		trusted = max(slice/2, q.minSlice())
		slice = max(int64(float64(slice)*float64(q.time)/float64(took)), q.minSlice())
	case slice == q.fuel, took > q.time, burnt < slice/2:
		return // the slice is right, or too little was burnt to tell
	case slice < trusted:
		slice = min(2*max(slice, burnt), trusted)
	default:
		slice = min(slice+q.fuel/slowGrowthDivisor+1, q.fuel)
		trusted = slice
	}
	*p = paceOf(slice, trusted)
}

// charge returns the fuel charged to the tenant for a quantum: the fuel burnt, or the worker's time in
// fuel if fuel does not measure it.
func (p *pace) charge(q quantum, burnt int64, took time.Duration) int64 {
	if !q.overran(took) && int64(p.trusted) == q.fuel {
		return burnt
	}
	return max(burnt, min(took, maxChargedTime).Microseconds()*fuelPerMicrosecond)
}
