package retry

import "time"

// The delays before what failed is tried again: the first, and the longest.
const (
	FirstDelay = 200 * time.Millisecond
	MaxDelay   = 30 * time.Second
)

// Backoff is how long to wait after so many failures in a row, the first being 1: twice as long each
// time, between half and all of that, by chance, from 0 up to 1. So what failed together is not tried
// again all at once.
func Backoff(failures uint32, chance float64) time.Duration {
	whole := MaxDelay
	if shift := max(failures, 1) - 1; shift < 16 {
		whole = min(FirstDelay<<shift, MaxDelay)
	}
	return whole/2 + time.Duration(chance*float64(whole/2))
}
