package reactor

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// workload is a workload that has not ended, as the reactor keeps it in memory: a million of them
// may wait to be started, and as many may run. Reactor.mu guards what is not said to be otherwise.
type workload struct {
	id    string
	entry entry // with the scheduler
	// rec is the record as it was submitted or claimed; its state is not kept up to date. Its Spec
	// is nil if it is large. It is nil itself while the workload waits behind many others: both are
	// read from the store when its turn has come.
	rec      *store.Workload
	status   []byte           // of one that was started before and has no rec
	spec     *api.Spec        // decoded, until it is first started; nil if that would take up too much
	attempts uint32           // as the store has it, or will have when it has done what it was asked for
	index    int              // in Reactor.all
	attempt  *attempt         // from Starting on, until it is put back or gone
	last     *lastAttempt     // of one that was put back
	changed  notify.Broadcast // tells that it begins to run, is put back or is gone

	process atomic.Pointer[abi.Process]   // while it runs
	port    atomic.Pointer[terminal.Port] // of an interactive one; made by the first who needs it
}

// entry is the place of a workload with the scheduler, for which loaded is what became of loading a module.
type (
	scheduler = schedule.Scheduler[*workload, loaded]
	entry     = schedule.Entry[*workload, loaded]
	action    = schedule.Action[*workload, loaded]
)

// loaded is a compiled module that workloads hold, or why there is none.
type loaded struct {
	module abi.Program
	err    error
}

// attempt is one run of a workload. What is not said to be otherwise is set before its task is
// spawned and not changed.
type attempt struct {
	number  uint32
	limits  api.Limits
	started time.Time
	first   time.Time // start of the first attempt
	before  api.Usage // of the attempts before
	timer   *driver.Timer
	trace   hooks.TraceParent // of the submission; empty without hooks
	memory  guestMemory
	log     atomic.Pointer[logbuf.Log] // made by the first who needs it

	// Guarded by Reactor.mu.
	task *executor.Task

	begun   bool            // the guest has; the fiber's
	outcome outcome.Outcome // the fiber's, then the finisher's
}

// newWorkload makes the workload of a place. Its record is read when its turn has come.
func newWorkload(p *store.Place) *workload {
	w := &workload{id: p.ID, attempts: p.Attempts, status: p.Status}
	held := int64(p.SpecBytes) // input is what can be large in it
	w.entry.Init(w, p.Module, sizeOf(p), held)
	return w
}

// claimed is the record of a workload without an attempt, as far as its status goes.
func (r *Reactor) claimed(w *workload) *store.Workload {
	r.mu.Lock()
	defer r.mu.Unlock()
	if w.rec != nil {
		return w.rec
	}
	return &store.Workload{ID: w.id, Status: w.status}
}

// placeBytes is about what a workload costs that waits, beside what its client chose: its place in memory,
// and its rows and indices on disk.
const placeBytes = 1 << 10

// sizeOf is what a workload that waits counts in bytes. Labels are in an index, too.
func sizeOf(p *store.Place) int64 {
	return int64(placeBytes + len(p.ID) + p.NameBytes + p.SpecBytes + 2*p.LabelBytes)
}

// stage is where the workload is.
func (w *workload) stage() lifecycle.Stage { return w.entry.Stage() }

// interruptTask ends the task of a workload that has one; Reactor.mu is held.
func (w *workload) interruptTask(cause lifecycle.Cause) {
	if a := w.attempt; a != nil && a.task != nil {
		a.task.Cancel(outcome.Interrupt{Cause: cause})
	}
}

// logOf returns the log of the workload's attempt.
func (r *Reactor) logOf(w *workload, a *attempt) *logbuf.Log {
	if l := a.log.Load(); l != nil {
		return l
	}
	l := r.spool.NewLog(w.id, a.number, a.limits.LogBytes, logbuf.Origin{})
	if a.log.CompareAndSwap(nil, l) {
		return l
	}
	return a.log.Load()
}

// portOf returns the port of an interactive workload.
func portOf(w *workload) *terminal.Port {
	if p := w.port.Load(); p != nil {
		return p
	}
	p := terminal.NewPort()
	if w.port.CompareAndSwap(nil, p) {
		return p
	}
	return w.port.Load()
}

// usage is what the workload has used so far.
func (a *attempt) usage(task *executor.Task, peak int64) api.Usage {
	u := a.before
	if task != nil {
		now := task.Usage()
		u.Fuel += now.Fuel
		u.CPUTime += now.CPU
		u.WaitingTime += now.Waiting
	}
	u.PeakMemoryBytes = max(u.PeakMemoryBytes, uint64(peak))
	if l := a.log.Load(); l != nil {
		u.LogBytes, u.LogBytesDropped = l.Written()
	}
	return u
}
