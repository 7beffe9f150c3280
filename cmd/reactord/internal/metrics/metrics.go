package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/hooks"
)

// Metrics are the figures of one daemon.
type Metrics struct {
	registry *prometheus.Registry

	ended, putBack  *prometheus.CounterVec // workloads, attempts
	commits         prometheus.Histogram
	written         prometheus.Counter
	calls, refusals *prometheus.CounterVec
}

// Clients is what clients of the API have in flight.
type Clients struct {
	Connections, MaxConnections int
	Calls                       int
	SharedBytes, MaxSharedBytes int64
}

// Lost is what could not be sent to where the operator wants it.
type Lost struct {
	Spans uint64 // of traces
	Lines uint64 // of guests' output
}

// Sources are asked for figures each time that a page is read.
type Sources struct {
	Node    func() api.Node
	Reactor func() api.Metrics
	Clients func() Clients
	// CertificateExpiry returns when the certificate that is in use expires; zero: there is none.
	CertificateExpiry func() time.Time
	Lost              func() Lost
}

// New makes metrics that count. Those that are read are there once Read has been called.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		ended:    counters("workloads_ended_total", "Workloads that have ended, by their last state and the reason.", "state", "reason"),
		putBack:  counters("attempts_put_back_total", "Attempts that ended without an end of their workload, which will have another one.", "reason"),
		commits: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: prefix + "store_commit_seconds",
			Help: "Time that commits of the store took.",

			Buckets:                         bounds,
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  160,
			NativeHistogramMinResetDuration: time.Hour,
		}),
		written: prometheus.NewCounter(prometheus.CounterOpts{
			Name: prefix + "store_written_bytes_total", Help: "Bytes of records and output that were committed, about.",
		}),
		calls:    counters("api_calls_total", "Calls of the API that have ended, by method (empty for one that there is not) and gRPC code.", "method", "code"),
		refusals: counters("api_errors_total", "Errors of the daemon's own that calls of the API ended with, or items of their batches, by reason.", "reason"),
	}
	m.begin()
	m.registry.MustRegister(m.ended, m.putBack, m.commits, m.written, m.calls, m.refusals,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// begin has counters begin with zero that can be told beforehand: an increase can't be seen of one that begins with its first count.
func (m *Metrics) begin() {
	for reason := api.NotEnded + 1; reason < api.Reasons; reason++ {
		if reason != api.ReasonCancelled {
			m.ended.WithLabelValues(api.Failed.String(), reason.String())
		}
	}
	m.ended.WithLabelValues(api.Succeeded.String(), api.ReasonExit.String())
	m.ended.WithLabelValues(api.Cancelled.String(), api.ReasonCancelled.String())
	m.putBack.WithLabelValues(api.ReasonNodeMemory.String())
	for class := range errs.Classes() {
		m.refusals.WithLabelValues(class.String())
	}
}

// prefix begins the names of all metrics, but for those of the Go runtime and the process.
const prefix = "reactord_"

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: prefix + name, Help: help}, labels)
}

// Read has pages show the figures of sources, too. It is called once.
func (m *Metrics) Read(sources Sources) { m.registry.MustRegister(newCollector(sources)) }

// Hooks returns the hooks of the reactor whose workloads are counted.
func (m *Metrics) Hooks() hooks.Hooks {
	return hooks.Hooks{OnCommitted: func(_ hooks.Event, o hooks.Outcome) {
		switch {
		case o.Err != nil: // it is told again, or is the next daemon's
		case o.State == api.Pending:
			m.putBack.WithLabelValues(o.Reason.String()).Inc()
		default:
			m.ended.WithLabelValues(o.State.String(), o.Reason.String()).Inc()
		}
	}}
}

// OnCommit counts a commit of the store.
func (m *Metrics) OnCommit(took time.Duration, bytes int64) {
	m.commits.Observe(took.Seconds())
	m.written.Add(float64(bytes))
}

// OnCall counts a call of the API. Its method, code and reason are of the few that there are; an empty reason is none.
func (m *Metrics) OnCall(method, code, reason string) {
	m.calls.WithLabelValues(method, code).Inc()
	if reason != "" {
		m.OnError(reason)
	}
}

// OnError counts an error of the API: of a call, or of an item of a batch. Its reason is of the few that there are.
func (m *Metrics) OnError(reason string) { m.refusals.WithLabelValues(reason).Inc() }
