package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// collector reads figures.
type collector struct {
	sources  Sources
	descs    []*prometheus.Desc // in the order of figures
	lateness *prometheus.Desc
	began    time.Time
}

func newCollector(sources Sources) *collector {
	c := &collector{
		sources:  sources,
		lateness: prometheus.NewDesc(prefix+"wake_lateness_seconds", "How late guests were resumed whose timers had expired.", nil, nil),
		began:    sources.Node().StartTime,
	}
	for _, f := range figures {
		var labels []string
		if f.label != "" {
			labels = []string{f.label}
		}
		c.descs = append(c.descs, prometheus.NewDesc(prefix+f.name, f.help, labels, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range c.descs {
		to <- d
	}
	to <- c.lateness
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	r := &reading{
		node: c.sources.Node(), reactor: c.sources.Reactor(), clients: c.sources.Clients(), certificate: c.sources.CertificateExpiry(),
		lost: c.sources.Lost(),
	}
	for i, f := range figures {
		f.read(r, func(label string, value float64) {
			var labels []string
			if f.label != "" {
				labels = []string{label}
			}
			to <- prometheus.MustNewConstMetric(c.descs[i], f.kind, value, labels...)
		})
	}
	to <- newLateness(c.lateness, &r.reactor.WakeLateness, c.began)
}
