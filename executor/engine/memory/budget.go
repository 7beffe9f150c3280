package memory

import (
	"math"
	"sync/atomic"
)

// budget counts bytes up to a limit. It is safe for concurrent use.
type budget struct {
	limit int64
	used  atomic.Int64
	peak  atomic.Int64
}

// setLimit sets the limit, before any other use. Zero or less means no limit.
func (b *budget) setLimit(limit int64) {
	if limit <= 0 {
		limit = math.MaxInt64
	}
	b.limit = limit
}

// take counts n more bytes, or refuses and changes nothing.
func (b *budget) take(n int64) bool {
	for {
		used := b.used.Load()
		if n < 0 || n > b.limit-used {
			return false
		}
		if b.used.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// give subtracts n bytes from the count.
func (b *budget) give(n int64) { b.used.Add(-n) }

// mark raises the peak to the bytes in use. It is not part of take, because bytes that the next budget
// refuses were never held.
func (b *budget) mark() {
	used := b.used.Load()
	for {
		peak := b.peak.Load()
		if used <= peak || b.peak.CompareAndSwap(peak, used) {
			return
		}
	}
}
