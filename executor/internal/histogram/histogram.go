// Package histogram counts durations in buckets of bounded relative error, as HDR histograms do.
//
// Its types are plain values: recording is an increment, nothing allocates, and nothing is safe for
// concurrent use.
package histogram

import (
	"iter"
	"math"
	"math/bits"
	"time"
)

const (
	// subBits makes 16 buckets for each power of two: a bucket is at most 1/16 of its value wide.
	subBits = 4
	sub     = 1 << subBits
	// maxExp is the power of two (of nanoseconds) above which all durations share one bucket: 2^40
	// ns are 18 minutes.
	maxExp  = 40
	buckets = (maxExp-subBits+1)*sub + 1
)

// Histogram is a histogram of durations. The zero value is empty.
type Histogram struct {
	counts [buckets]uint64
	total  uint64
	sum    time.Duration
	max    time.Duration
}

// bucket returns the index of the bucket that v belongs to.
//
// Values below 2*sub have a bucket each. Above, with e the exponent of v's highest bit, the subBits
// bits below it choose among the buckets of that power of two.
func bucket(v uint64) int {
	if v < sub {
		return int(v)
	}
	e := bits.Len64(v) - 1
	if e >= maxExp {
		return buckets - 1
	}
	return (e-subBits)*sub + int(v>>(e-subBits))
}

// upper returns the largest value of bucket i, which is not the last.
func upper(i int) uint64 {
	if i < 2*sub {
		return uint64(i)
	}
	e := i/sub - 1 // how far the mantissa is shifted
	mantissa := uint64(i%sub) + sub
	return (mantissa+1)<<e - 1
}

// Record counts d. A negative d counts as zero.
func (h *Histogram) Record(d time.Duration) {
	d = max(d, 0)
	h.counts[bucket(uint64(d))]++
	h.total++
	h.sum += d
	h.max = max(h.max, d)
}

// Add adds o's counts to h.
func (h *Histogram) Add(o *Histogram) {
	for i, n := range o.counts {
		h.counts[i] += n
	}
	h.total += o.total
	h.sum += o.sum
	h.max = max(h.max, o.max)
}

// Count returns how many durations were recorded.
func (h *Histogram) Count() uint64 { return h.total }

// Sum returns the sum of the recorded durations.
func (h *Histogram) Sum() time.Duration { return h.sum }

// Buckets yields the buckets that are not empty, in ascending order: the largest duration that belongs to each, and
// how many it has. The last bucket has no bound, and math.MaxInt64 for it.
func (h *Histogram) Buckets() iter.Seq2[time.Duration, uint64] {
	return func(yield func(time.Duration, uint64) bool) {
		for i, n := range h.counts {
			top := time.Duration(math.MaxInt64)
			if i < buckets-1 {
				top = time.Duration(upper(i)) //nolint:gosec // below 2^maxExp
			}
			if n > 0 && !yield(top, n) {
				return
			}
		}
	}
}

// Max returns the largest duration recorded, exactly.
func (h *Histogram) Max() time.Duration { return h.max }

// Quantile returns an upper bound of the q-quantile of the recorded durations that is at most 1/16
// above it, or 0 if nothing was recorded.
func (h *Histogram) Quantile(q float64) time.Duration {
	rank := max(uint64(q*float64(h.total)+0.5), 1)
	var seen uint64
	for i, n := range h.counts[:buckets-1] {
		if seen += n; seen >= rank {
			return min(time.Duration(upper(i)), h.max)
		}
	}
	return h.max
}

// Recent is a histogram of the last one to two periods. What it forgets it adds up, so recording costs no more for that.
type Recent struct {
	period        time.Duration
	start         time.Duration // when the current period began
	current, last Histogram     // the current period, and the one before
	former        Histogram     // all periods before these
}

// NewRecent returns an empty histogram.
func NewRecent(period time.Duration) *Recent { return &Recent{period: period} }

// Record counts d at the time now, which must not go back.
func (r *Recent) Record(now, d time.Duration) {
	r.forget(now)
	r.current.Record(d)
}

// Snapshot returns the histogram of the periods up to the time now.
func (r *Recent) Snapshot(now time.Duration) *Histogram {
	r.forget(now)
	h := r.last
	h.Add(&r.current)
	return &h
}

// All returns the histogram of everything that was ever recorded.
func (r *Recent) All() *Histogram {
	h := r.former
	h.Add(&r.last)
	h.Add(&r.current)
	return &h
}

func (r *Recent) forget(now time.Duration) {
	age := now - r.start
	if age < r.period {
		return
	}
	r.former.Add(&r.last)
	if age < 2*r.period {
		r.last, r.start = r.current, r.start+r.period
	} else {
		r.former.Add(&r.current)
		r.last, r.start = Histogram{}, now
	}
	r.current = Histogram{}
}
