package schedule

// maxEstimates bounds the modules whose memory is remembered.
const maxEstimates = 4096

// estimates knows what instances of a module are likely to need, by what earlier ones held.
type estimates struct{ bytes map[Key]int64 }

// of is the estimate for a module; zero if nothing is known.
func (e *estimates) of(module Key) int64 { return e.bytes[module] }

// atLeast notes what an instance has come to that goes on.
func (e *estimates) atLeast(module Key, bytes int64) {
	if bytes > e.bytes[module] {
		e.set(module, bytes)
	}
}

// ended notes the most that an instance held that has ended. What is larger counts at once; what is smaller
// brings the estimate down by an eighth of the way, so that one large instance among small ones is forgotten
// after some tens of them.
func (e *estimates) ended(module Key, peak int64) {
	old := e.bytes[module]
	e.set(module, max(peak, old-(old-peak)/8))
}

func (e *estimates) set(module Key, bytes int64) {
	if e.bytes == nil {
		e.bytes = make(map[Key]int64)
	}
	if _, known := e.bytes[module]; !known && len(e.bytes) >= maxEstimates {
		for other := range e.bytes { // any: it is learnt again
			delete(e.bytes, other)
			break
		}
	}
	e.bytes[module] = bytes
}
