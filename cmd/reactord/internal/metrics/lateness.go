package metrics

import (
	"math"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/reactord/reactord/reactor/api"
)

// bounds are those of the classic histograms, in seconds, for whoever does not read native ones.
var bounds = []float64{100e-6, 250e-6, 500e-6, 1e-3, 2.5e-3, 5e-3, 10e-3, 25e-3, 50e-3, 100e-3, 250e-3, 500e-3, 1, 2.5, 5, 10}

// Of the native histogram of lateness: 2^schema buckets for each power of two, which is about as exact as what they are made
// from, and one bucket for all up to least, which is below what a clock can tell.
const (
	schema = 3
	least  = time.Microsecond
	// most is what a duration counts as that is in the bucket without a bound.
	most = 1 << 41 * time.Nanosecond
)

// newLateness returns l as a histogram that is both native and classic. Each of l's buckets goes into the one with its upper bound,
// so a value can be in the next one of those where it belongs, a sixteenth away at most.
func newLateness(desc *prometheus.Desc, l *api.Lateness, began time.Time) prometheus.Metric {
	classic := make(map[float64]uint64, len(bounds))
	for _, bound := range bounds {
		classic[bound] = 0
	}
	native := make(map[int]int64)
	var zero uint64
	for _, b := range l.Buckets {
		upper := min(b.Upper, most).Seconds()
		for _, bound := range bounds {
			if upper <= bound {
				classic[bound] += b.Count
			}
		}
		if b.Upper <= least {
			zero += b.Count
			continue
		}
		native[int(math.Ceil(math.Log2(upper)*(1<<schema)))] += int64(b.Count) //nolint:gosec // a count
	}
	sum := l.Sum.Seconds()
	exact, err := prometheus.NewConstNativeHistogram(desc, l.Count, sum, native, nil, zero, schema, least.Seconds(), began)
	if err != nil {
		return prometheus.NewInvalidMetric(desc, err)
	}
	return &histogram{Metric: exact, classic: prometheus.MustNewConstHistogram(desc, l.Count, sum, classic)}
}

// histogram is a native histogram with the buckets of a classic one.
type histogram struct {
	prometheus.Metric
	classic prometheus.Metric
}

// Write implements prometheus.Metric.
func (h *histogram) Write(out *dto.Metric) error {
	if err := h.Metric.Write(out); err != nil {
		return err
	}
	var classic dto.Metric
	if err := h.classic.Write(&classic); err != nil {
		return err
	}
	out.Histogram.Bucket = classic.GetHistogram().GetBucket()
	return nil
}
