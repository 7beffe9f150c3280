package reactor

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/runner"
)

// Node describes the reactor.
func (r *Reactor) Node() api.Node {
	current := r.current.Load()
	return api.Node{
		Version:       r.cfg.Version,
		GoVersion:     runtime.Version(),
		Platform:      runtime.GOOS + "/" + runtime.GOARCH,
		StartTime:     r.since,
		Workers:       r.cfg.Workers,
		DataDir:       r.cfg.DataDir,
		DefaultLimits: current.DefaultLimits,
		MaxLimits:     current.MaxLimits,
		MemoryBytes:   uint64(r.cfg.MemoryBytes),
		Draining:      r.runner.Draining(),
		ProcessID:     os.Getpid(),
	}
}

// Memory returns what the process may use, the memory of the machine or its control group, and what guests have of it, in bytes.
func (r *Reactor) Memory() (machine, guests uint64) {
	return process.MachineMemory(), uint64(r.engine.MemoryUsed())
}

// Stats returns what the reactor is doing.
func (r *Reactor) Stats() api.Stats {
	workloads, tasks := r.runner.Stats(), r.executor.Stats()
	return r.stats(&workloads, &tasks)
}

func (r *Reactor) stats(workloads *runner.Stats, tasks *executor.Stats) api.Stats {
	memory := r.memory.Read(uint64(r.engine.ImageBytes()))
	descriptors, maxDescriptors := r.descriptors.Use()
	waits, waiting := waitsOf(tasks)
	return api.Stats{
		Time:              time.Now(),
		Pending:           uint64(workloads.Pending),
		Running:           uint64(max(0, workloads.Live-tasks.Parked)),
		Waiting:           uint64(tasks.Parked),
		WaitingPeak:       uint64(tasks.ParkedPeak),
		Submitted:         workloads.Submitted,
		Succeeded:         workloads.Succeeded,
		Failed:            workloads.Failed,
		Cancelled:         workloads.Cancelled,
		GuestMemoryBytes:  uint64(r.engine.MemoryUsed()),
		ResidentBytes:     memory.Resident,
		ResidentPeakBytes: memory.Peak,
		HeapBytes:         memory.Heap,
		Goroutines:        uint64(runtime.NumGoroutine()),
		Resumes:           tasks.Resumes,
		Preemptions:       tasks.Preemptions,
		Fuel:              tasks.Fuel,
		BusyTime:          tasks.Busy,
		WakeLatenessP50:   tasks.Lateness.P50,
		WakeLatenessP99:   tasks.Lateness.P99,
		WakeLatenessMax:   tasks.Lateness.Max,
		CompiledModules:   uint64(r.engine.CompiledModules()),
		ReadySeconds:      tasks.ReadyTime.Seconds(),
		WaitingSeconds:    waiting.Seconds(),
		Waits:             waits,
		Descriptors:       uint64(max(descriptors, 0)),
		MaxDescriptors:    uint64(max(maxDescriptors, 0)),
	}
}

// waitsOf returns what tasks have waited for, and the time of all of it.
func waitsOf(tasks *executor.Stats) (waits []api.NodeWait, all executor.GuestTime) {
	for kind, w := range tasks.Waits {
		if all += w.Time; w.Time > 0 || w.Count > 0 {
			waits = append(waits, api.NodeWait{Kind: api.OpKind(kind), Seconds: w.Time.Seconds(), Count: w.Count}) //nolint:gosec // there are few kinds
		}
	}
	return waits, all
}

const (
	defaultStatsInterval = time.Second
	minStatsInterval     = 100 * time.Millisecond
)

// WatchStats calls send, on the caller's goroutine, at once and then at every interval: one second
// if zero, 100 ms at least. It returns nil when the reactor shuts down; else the error of ctx or
// of send.
func (r *Reactor) WatchStats(ctx context.Context, interval time.Duration, send func(api.Stats) error) error {
	if interval == 0 {
		interval = defaultStatsInterval
	}
	if interval < minStatsInterval {
		return errs.Invalid(errs.Field{Path: "interval", Description: interval.String() + " is below the least, " + minStatsInterval.String()})
	}
	if err := r.observer.Enter(); err != nil {
		return err
	}
	defer r.observer.Leave()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for {
		if err := send(r.Stats()); err != nil {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-r.observer.Quiet():
			return nil
		}
	}
}
