package retry

import "time"

// The first and the longest delay before another try.
const (
	FirstDelay = 200 * time.Millisecond
	MaxDelay   = 30 * time.Second
)

// Backoff returns how long to wait after the given number of failures in a row, the first being 1. The delay doubles
// each time; chance, from 0 up to 1, selects a value between half and all of it, so that what failed together is not
// tried again all at once.
func Backoff(failures uint32, chance float64) time.Duration {
	whole := MaxDelay
	if shift := max(failures, 1) - 1; shift < 16 {
		whole = min(FirstDelay<<shift, MaxDelay)
	}
	return whole/2 + time.Duration(chance*float64(whole/2))
}
