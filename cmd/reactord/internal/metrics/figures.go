package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
)

// reading is what one page is made from.
type reading struct {
	node        api.Node
	reactor     api.Metrics
	clients     Clients
	certificate time.Time
	lost        Lost
}

// figure is a metric that is read.
type figure struct {
	name, help string
	kind       prometheus.ValueType
	label      string // empty: it has one value at most, without a label
	read       func(*reading, emit)
}

// emit adds a value with a label's value, which is empty without a label.
type emit func(label string, value float64)

const (
	gauge   = prometheus.GaugeValue
	counter = prometheus.CounterValue
)

// figures lists what is read, but for the histogram.
var figures = []figure{
	perLabel("workloads", "Workloads that have not ended, by state. RUNNING ones compute or are ready to.", gauge, "state",
		func(r *reading, add emit) {
			add(api.Pending.String(), float64(r.reactor.Pending))
			add(api.Running.String(), float64(r.reactor.Running))
			add(api.Waiting.String(), float64(r.reactor.Waiting))
		}),
	one("workloads_waiting_peak", "The most workloads that have waited at a time.", gauge,
		func(r *reading) float64 { return float64(r.reactor.WaitingPeak) }),
	one("workloads_submitted_total", "Workloads that were submitted.", counter,
		func(r *reading) float64 { return float64(r.reactor.Submitted) }),
	one("queue_limit_workloads", "The most workloads that may be PENDING (--queue).", gauge,
		func(r *reading) float64 { return float64(r.reactor.Queue.Max) }),
	one("queue_bytes", "Size of the workloads that have not started.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Queue.Bytes) }),
	one("queue_limit_bytes", "The most that it may be (--queue-bytes).", gauge,
		func(r *reading) float64 { return float64(r.reactor.Queue.MaxBytes) }),
	one("queue_oldest_seconds", "How long the workload has waited to start that has waited for longest.", gauge,
		func(r *reading) float64 { return r.reactor.Queue.Oldest.Seconds() }),
	perLabel("queue_delayed_workloads", "Workloads that a trouble of the host keeps from starting, by what they wait for.", gauge, "reason",
		func(r *reading, add emit) {
			for _, d := range r.reactor.Queue.Delayed {
				add(d.Reason.String(), float64(d.Count))
			}
		}),
	one("draining", "1 if no workloads are started any more, else 0.", gauge,
		func(r *reading) float64 { return truth(r.node.Draining) }),

	one("workers", "Workers that run guests.", gauge, func(r *reading) float64 { return float64(r.node.Workers) }),
	one("fuel_total", "Fuel that guests burnt.", counter, func(r *reading) float64 { return float64(r.reactor.Fuel) }),
	one("guest_cpu_seconds_total", "Processor time of guests, and of blocking jobs on their behalf.", counter,
		func(r *reading) float64 { return r.reactor.BusyTime.Seconds() }),
	one("guest_ready_seconds_total", "Time in which guests could have run and had no worker, of all guests together.", counter,
		func(r *reading) float64 { return r.reactor.ReadySeconds }),
	one("resumes_total", "Times that a worker resumed a guest.", counter, func(r *reading) float64 { return float64(r.reactor.Resumes) }),
	one("preemptions_total", "Times that a guest used up its quantum.", counter,
		func(r *reading) float64 { return float64(r.reactor.Preemptions) }),
	perLabel("guest_wait_seconds_total", "Time that guests have waited, of all together, by the kind of operation.", counter, "kind",
		func(r *reading, add emit) {
			for _, w := range r.reactor.Waits {
				add(hostcalls.OpKind(w.Kind).String(), w.Seconds)
			}
		}),
	perLabel("guest_waits_total", "Waits of guests that are over, by the kind of operation.", counter, "kind",
		func(r *reading, add emit) {
			for _, w := range r.reactor.Waits {
				add(hostcalls.OpKind(w.Kind).String(), float64(w.Count))
			}
		}),
	perLabel("guests_waiting", "Guests that wait, by the kind of operation. A component with several calls can count more than once.", gauge, "kind",
		func(r *reading, add emit) {
			for _, w := range r.reactor.Parked {
				add(hostcalls.OpKind(w.Kind).String(), float64(w.Count))
			}
		}),

	one("guest_memory_bytes", "Linear memory and stacks of all guests.", gauge,
		func(r *reading) float64 { return float64(r.reactor.GuestMemoryBytes) }),
	one("guest_memory_limit_bytes", "The most that it may be (--node-memory).", gauge,
		func(r *reading) float64 { return float64(r.node.MemoryBytes) }),
	one("resident_memory_bytes", "Memory of the daemon with its guests. Mappings that modules share count once.", gauge,
		func(r *reading) float64 { return float64(r.reactor.ResidentBytes) }),
	one("memory_limit_bytes", "Memory that the daemon may use: the machine's, or its control group's.", gauge,
		func(r *reading) float64 { return float64(r.reactor.MachineBytes) }),
	one("guest_descriptors", "Descriptors of the process that guests hold.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Descriptors) }),
	one("guest_descriptors_limit", "The most that guests may hold.", gauge,
		func(r *reading) float64 { return float64(r.reactor.MaxDescriptors) }),
	one("guest_descriptors_refused_total", "Times that guests needed a descriptor of the process and got none.", counter,
		func(r *reading) float64 { return float64(r.reactor.DescriptorsRefused) }),
	one("guest_sockets", "Sockets that guests have open, but for the connections of services.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Sockets) }),

	one("service_connections", "Connections to HTTP services of workloads.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Services.Connections) }),
	perLabel("service_requests_total", "Requests to HTTP services that are over, by the class of their status.", counter, "code",
		func(r *reading, add emit) {
			for _, s := range r.reactor.Services.Requests {
				add(s.Class, float64(s.Count))
			}
		}),

	one("modules_loaded", "Modules that are compiled in memory or being loaded.", gauge,
		func(r *reading) float64 { return float64(r.reactor.CompiledModules) }),
	one("module_memory_bytes", "Memory of compiled modules, about.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Modules.Bytes) }),
	one("compilations_running", "Modules that are being compiled.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Modules.Compiling) }),
	one("compilations_waiting", "Modules that wait to be compiled.", gauge,
		func(r *reading) float64 { return float64(r.reactor.Modules.Waiting) }),

	perPart("store_bytes", "Size of the store on disk, about.", func(p *api.StorePlace) float64 { return float64(p.Bytes) }),
	perPart("store_limit_bytes", "The most that it may be (--store-size, --module-store).", func(p *api.StorePlace) float64 { return float64(p.MaxBytes) }),
	perPart("store_outage", "1 while the store can't be written to, else 0.", func(p *api.StorePlace) float64 { return truth(p.Outage) }),
	optional("disk_bytes", "Size of the file system of the data folder.",
		func(r *reading) (float64, bool) {
			return float64(r.reactor.Store.DiskBytes), r.reactor.Store.DiskBytes > 0
		}),
	optional("disk_free_bytes", "Of that, what is free for the daemon.",
		func(r *reading) (float64, bool) {
			return float64(r.reactor.Store.DiskFree), r.reactor.Store.DiskBytes > 0
		}),

	one("api_connections", "Connections of clients.", gauge, func(r *reading) float64 { return float64(r.clients.Connections) }),
	one("api_connections_limit", "The most that there may be (--connections).", gauge,
		func(r *reading) float64 { return float64(r.clients.MaxConnections) }),
	one("api_calls_in_flight", "Calls of clients whose handlers have not returned.", gauge,
		func(r *reading) float64 { return float64(r.clients.Calls) }),
	one("api_shared_memory_bytes", "Memory for requests and unread answers.", gauge,
		func(r *reading) float64 { return float64(r.clients.SharedBytes) }),
	one("api_shared_memory_limit_bytes", "The most that it may be (--in-flight).", gauge,
		func(r *reading) float64 { return float64(r.clients.MaxSharedBytes) }),

	one("trace_spans_lost_total", "Spans of traces that could not be sent.", counter,
		func(r *reading) float64 { return float64(r.lost.Spans) }),
	one("output_lines_lost_total", "Lines of guests' output that could not be sent (--log-sink).", counter,
		func(r *reading) float64 { return float64(r.lost.Lines) }),

	optional("tls_certificate_expiry_timestamp_seconds", "When the certificate that is in use expires, in seconds since 1970.",
		func(r *reading) (float64, bool) { return float64(r.certificate.Unix()), !r.certificate.IsZero() }),
	perLabel("build_info", "1, with the version of the daemon.", gauge, "version",
		func(r *reading, add emit) { add(r.node.Version, 1) }),
}

func one(name, help string, kind prometheus.ValueType, read func(*reading) float64) figure {
	return figure{name: name, help: help, kind: kind, read: func(r *reading, add emit) { add("", read(r)) }}
}

func perLabel(name, help string, kind prometheus.ValueType, label string, read func(*reading, emit)) figure {
	return figure{name, help, kind, label, read}
}

// optional is a gauge that a page leaves out if it is not known.
func optional(name, help string, read func(*reading) (value float64, known bool)) figure {
	return figure{name: name, help: help, kind: gauge, read: func(r *reading, add emit) {
		if value, known := read(r); known {
			add("", value)
		}
	}}
}

// perPart is a gauge of each part of the store.
func perPart(name, help string, read func(*api.StorePlace) float64) figure {
	return perLabel(name, help, gauge, "part", func(r *reading, add emit) {
		add("database", read(&r.reactor.Store.Database))
		add("modules", read(&r.reactor.Store.Modules))
	})
}

func truth(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
