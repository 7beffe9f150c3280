package histogram

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestBucketsAreContiguous(t *testing.T) {
	for i := range buckets - 1 {
		top := upper(i)
		if got := bucket(top); got != i {
			t.Fatalf("bucket(%d) = %d, want %d", top, got, i)
		}
		if got := bucket(top + 1); got != i+1 {
			t.Fatalf("bucket(%d) = %d, want %d", top+1, got, i+1)
		}
		if i >= sub {
			width := top - upper(i-1)
			if width*sub > top {
				t.Fatalf("bucket %d, up to %d, is %d wide", i, top, width)
			}
		}
	}
	if got := bucket(1<<63 + 1); got != buckets-1 {
		t.Errorf("bucket of a huge value = %d, want the last, %d", got, buckets-1)
	}
}

func TestQuantile(t *testing.T) {
	tests := []struct {
		name   string
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{"empty", nil, 0.5, 0},
		{"one", []time.Duration{7}, 0.99, 7},
		{"negative counts as zero", []time.Duration{-5}, 0.5, 0},
		{"median of small values", []time.Duration{1, 2, 3, 4, 5}, 0.5, 3},
		{"never above the maximum", []time.Duration{time.Millisecond}, 0.5, time.Millisecond},
		{"beyond the last bucket", []time.Duration{time.Hour, 2 * time.Hour}, 0.5, 2 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var h Histogram
			for _, v := range tt.values {
				h.Record(v)
			}
			if got := h.Quantile(tt.q); got != tt.want {
				t.Errorf("Quantile(%v) = %v, want %v", tt.q, got, tt.want)
			}
		})
	}
}

func TestQuantileErrorIsBounded(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	var h Histogram
	var values []time.Duration
	for range 10_000 {
		v := time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		values = append(values, v)
		h.Record(v)
	}
	slices.Sort(values)
	for _, q := range []float64{0.01, 0.5, 0.9, 0.99, 0.999, 1} {
		exact := values[int(q*float64(len(values))+0.5)-1]
		got := h.Quantile(q)
		if got < exact || float64(got) > float64(exact)*(1+1.0/sub)+1 {
			t.Errorf("Quantile(%v) = %v, exact is %v", q, got, exact)
		}
	}
	if h.Max() != values[len(values)-1] || h.Count() != uint64(len(values)) {
		t.Errorf("Max, Count = %v, %d", h.Max(), h.Count())
	}
}

func TestRecentForgets(t *testing.T) {
	const period = time.Minute
	r := NewRecent(period)
	count := func(now time.Duration) uint64 { return r.Snapshot(now).Count() }

	r.Record(0, 1)
	r.Record(period-1, 2)
	if got := count(period - 1); got != 2 {
		t.Errorf("within the period: %d, want 2", got)
	}
	r.Record(period, 3)
	if got := r.Snapshot(period); got.Count() != 3 || got.Max() != 3 {
		t.Errorf("in the next period: %d up to %v, want 3 up to 3", got.Count(), got.Max())
	}
	if got := count(2 * period); got != 1 {
		t.Errorf("after two periods: %d, want the 1 of the second", got)
	}
	if got := count(10 * period); got != 0 {
		t.Errorf("long after: %d, want 0", got)
	}
	if all := r.All(); all.Count() != 3 || all.Sum() != 6 || all.Max() != 3 {
		t.Errorf("all: %d of %v up to %v, want 3 of 6ns up to 3ns", all.Count(), all.Sum(), all.Max())
	}
}

func TestBuckets(t *testing.T) {
	var h Histogram
	if n := len(maps.Collect(h.Buckets())); n != 0 {
		t.Errorf("an empty histogram has %d buckets", n)
	}
	for _, d := range []time.Duration{3, 3, 1000, 24 * time.Hour} {
		h.Record(d)
	}
	var tops []time.Duration
	var counts []uint64
	for top, n := range h.Buckets() {
		tops, counts = append(tops, top), append(counts, n)
	}
	if !slices.Equal(counts, []uint64{2, 1, 1}) || !slices.IsSorted(tops) || tops[0] != 3 || tops[2] != math.MaxInt64 {
		t.Errorf("got %v of %v", counts, tops)
	}
	if exact := tops[1]; exact < 1000 || exact > 1000+1000/sub {
		t.Errorf("1000 is in the bucket up to %d", exact)
	}
}
