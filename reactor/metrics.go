package reactor

import (
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/runner"
)

// diskPatience is how long Metrics waits for the file system.
const diskPatience = 100 * time.Millisecond

// Metrics returns what the reactor is doing, with what is of interest over time. It takes as long whatever there is to do, and
// diskPatience longer while the disk does not answer.
func (r *Reactor) Metrics() api.Metrics {
	workloads, tasks := r.runner.Stats(), r.executor.Stats()
	return api.Metrics{
		Stats:        r.stats(&workloads, &tasks),
		Queue:        r.queueMetrics(&workloads),
		Parked:       parkedOf(&tasks),
		WakeLateness: latenessOf(r.executor.LatenessTotal()),
		Modules:      r.moduleMetrics(),
		Store:        r.storeMetrics(),
		Services:     serviceMetrics(&r.equipment.Totals.Served),

		Sockets:            uint64(max(r.equipment.Totals.Sockets.Load(), 0)),
		DescriptorsRefused: r.shortage.refused.Load(),
		MachineBytes:       process.MachineMemory(),
	}
}

func (r *Reactor) queueMetrics(workloads *runner.Stats) api.QueueMetrics {
	current := r.current.Load()
	q := api.QueueMetrics{
		Max: uint64(current.MaxPending), MaxBytes: uint64(current.MaxPendingBytes),
		Bytes: uint64(workloads.PendingBytes), Oldest: workloads.Oldest,
	}
	for trouble, n := range workloads.Delayed[1:] {
		q.Delayed = append(q.Delayed, api.NodeDelayed{Reason: api.DelayReason(trouble + 1), Count: uint64(n)}) //nolint:gosec // there are few troubles
	}
	return q
}

// parkedOf returns what tasks wait for now, with the kinds that they have waited for.
func parkedOf(tasks *executor.Stats) (parked []api.NodeParked) {
	for kind, w := range tasks.Waits {
		if w.Going > 0 || w.Count > 0 {
			parked = append(parked, api.NodeParked{Kind: api.OpKind(kind), Count: uint64(w.Going)}) //nolint:gosec // there are few kinds
		}
	}
	return parked
}

func latenessOf(t executor.LatenessTotal) api.Lateness {
	l := api.Lateness{Count: t.Count, Sum: t.Sum, Buckets: make([]api.LatenessBucket, len(t.Buckets))}
	for i, b := range t.Buckets {
		l.Buckets[i] = api.LatenessBucket(b)
	}
	return l
}

func (r *Reactor) moduleMetrics() api.ModuleMetrics {
	compiling, waiting := r.engine.Compilations()
	return api.ModuleMetrics{Compiling: uint64(compiling), Waiting: uint64(waiting), Bytes: uint64(r.engine.ModuleMemory())}
}

func (r *Reactor) storeMetrics() (m api.StoreMetrics) {
	place := func(used, bound int64, outage bool) api.StorePlace {
		return api.StorePlace{Bytes: uint64(max(used, 0)), MaxBytes: uint64(bound), Outage: outage}
	}
	used, bound := r.store.DatabaseBytes()
	m.Database = place(used, bound, r.outage() != nil)
	used, bound = r.store.ModuleBytes()
	m.Modules = place(used, bound, r.modulesUnwritable.Load())
	if disk, ok := r.disk.Read(diskPatience); ok {
		m.DiskBytes, m.DiskFree = disk.Bytes, disk.Free
	}
	return m
}

func serviceMetrics(t *abi.ServiceTotals) api.ServiceMetrics {
	m := api.ServiceMetrics{Connections: uint64(max(t.Connections(), 0))}
	for class, n := range t.Responses() {
		m.Requests = append(m.Requests, api.ServiceRequests{Class: abi.ResponseClass(class).String(), Count: n}) //nolint:gosec // there are few classes
	}
	return m
}
