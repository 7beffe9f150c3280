package schedule

// maxEstimates bounds the number of estimates.
const maxEstimates = 4096

// estimates estimates what an instance of a module will need, from what earlier instances held.
type estimates struct{ bytes map[Key]int64 }

// of returns the estimate for a module; zero if there is none.
func (e *estimates) of(module Key) int64 { return e.bytes[module] }

// atLeast records what a running instance has come to.
func (e *estimates) atLeast(module Key, bytes int64) {
	if bytes > e.bytes[module] {
		e.set(module, bytes)
	}
}

// ended records the most that an ended instance held. A larger value counts at once; a smaller one lowers the
// estimate by an eighth of the difference, so that one large instance among small ones is forgotten after some
// tens of them.
func (e *estimates) ended(module Key, peak int64) {
	old := e.bytes[module]
	e.set(module, max(peak, old-(old-peak)/8))
}

func (e *estimates) set(module Key, bytes int64) {
	if e.bytes == nil {
		e.bytes = make(map[Key]int64)
	}
	if _, known := e.bytes[module]; !known && len(e.bytes) >= maxEstimates {
		for other := range e.bytes { // any one: it is learnt again
			delete(e.bytes, other)
			break
		}
	}
	e.bytes[module] = bytes
}
