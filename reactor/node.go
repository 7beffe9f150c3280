package reactor

import (
	"context"
	"os"
	"runtime"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/refusal"
)

// Node tells what the reactor is.
func (r *Reactor) Node() api.Node {
	return api.Node{
		Version:       r.cfg.Version,
		GoVersion:     runtime.Version(),
		Platform:      runtime.GOOS + "/" + runtime.GOARCH,
		StartTime:     r.since,
		Workers:       r.cfg.Workers,
		DataDir:       r.cfg.DataDir,
		DefaultLimits: r.cfg.DefaultLimits,
		MaxLimits:     r.cfg.MaxLimits,
		MemoryBytes:   uint64(r.cfg.MemoryBytes),
		Draining:      r.isDraining(),
		ProcessID:     os.Getpid(),
	}
}

// Stats tells what the reactor is doing.
func (r *Reactor) Stats() api.Stats {
	r.mu.Lock()
	totals, active, pending := r.totals, r.sched.Live(), r.sched.Pending()
	r.mu.Unlock()
	tasks := r.executor.Stats()
	memory := process.ReadMemory()
	return api.Stats{
		Time:              time.Now(),
		Pending:           uint64(pending),
		Running:           uint64(max(0, active-tasks.Parked)),
		Waiting:           uint64(tasks.Parked),
		WaitingPeak:       uint64(tasks.ParkedPeak),
		Submitted:         totals.submitted,
		Succeeded:         totals.succeeded,
		Failed:            totals.failed,
		Cancelled:         totals.cancelled,
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
	}
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
	if !r.enter() {
		return refusal.Draining()
	}
	defer r.leave()
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
		case <-r.quiet:
			return nil
		}
	}
}
