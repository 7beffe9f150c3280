package driver

// Direction says whether something is for reading or for writing.
type Direction uint8

// The directions.
const (
	Readable Direction = iota // data, the end of the stream, an error, or a connection to accept
	Writable                  // room to write, a connection that was made or has failed, or an error
	directions
)

// Readiness is what is known of a descriptor: the directions in which it may be ready, and how many events there were of
// each.
//
// A direction is ready from the event that says so until somebody has found that it is not: what came between the two
// must not be lost. So whoever finds it not ready says which Readiness they had seen before they tried, and if there was
// an event since, it remains ready. That may be wrong, and then the next try finds it so.
type Readiness uint64

// The bits of a Readiness, below the number of events.
const (
	readable Readiness = 1 << Readable
	writable Readiness = 1 << Writable
	// ending: the peer has ended the stream, there was an error or there are urgent data. Then less than was asked for may
	// have been read although there is more to be known.
	ending Readiness = 1 << directions
)

// The numbers of events, which begin again at zero when they have no room.
const (
	flagBits  = 3
	countBits = 30
	counted   = 1<<countBits - 1
)

// unknown is the Readiness of a descriptor that nobody has tried.
const unknown = readable | writable

// Ready reports whether a try may succeed.
func (r Readiness) Ready(dir Direction) bool { return r&(1<<dir) != 0 }

// after returns the Readiness after an event that tells bits.
func (r Readiness) after(bits Readiness) Readiness {
	r |= bits
	for dir := range directions {
		if bits.Ready(dir) {
			shift := flagBits + countBits*int(dir)
			r = r&^(counted<<shift) | ((r.events(dir)+1)&counted)<<shift
		}
	}
	return r
}

// events returns the number of events of a direction.
func (r Readiness) events(dir Direction) Readiness {
	return r >> (flagBits + countBits*int(dir)) & counted
}

// exhausted returns the Readiness after a try that found dir not ready.
func (r Readiness) exhausted(dir Direction, seen Readiness) Readiness {
	if r.events(dir) != seen.events(dir) {
		return r
	}
	return r &^ (1 << dir)
}

// drained returns the Readiness after a try that transferred less than it was ready to: there is no more, unless the
// stream is ending.
func (r Readiness) drained(dir Direction, seen Readiness) Readiness {
	if r&ending != 0 {
		return r
	}
	return r.exhausted(dir, seen)
}
