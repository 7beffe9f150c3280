package runner

import (
	"sync/atomic"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// workload is a workload that has not ended, as it is kept in memory: a million of them may wait to be started, and
// as many may run.
type workload struct {
	id   string
	port atomic.Pointer[terminal.Port] // of an interactive one; made by the first who needs it

	// Guarded by Runner.mu.
	entry   entry            // with the scheduler
	rec     *store.Workload  // as it was submitted or claimed: see below
	status  []byte           // of one that was started before and has no rec
	index   int              // in Runner.all
	attempt *started         // from Starting on, until it is put back or gone
	past    *attempt.Past    // of one that was put back
	changed notify.Broadcast // tells that it begins to run, is put back or is gone

	// The dispatcher's.
	spec     *api.Spec // decoded, until it is first started; nil if that would take up too much
	attempts uint32    // as the store has it, or will have when it has done what it was asked for
}

// The state of a rec is not kept up to date. Its Spec is nil if it is large. A rec is nil itself while the
// workload waits behind many others: both are read from the store when its turn has come.

// The scheduler's types, for what is scheduled here.
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

// started is a workload's attempt. It is the attempt's Owner.
type started struct {
	attempt.Attempt
	runner   *Runner
	workload *workload
	memory   engine.Allowance
	trace    hooks.TraceParent // of the submission; empty without hooks
}

// newWorkload makes the workload of a place. Its record is read when its turn has come.
func newWorkload(p *store.Place) *workload {
	w := &workload{id: p.ID, attempts: p.Attempts, status: p.Status}
	held := int64(p.SpecBytes) // input is what can be large in it
	w.entry.Init(w, p.Module, sizeOf(p), held)
	return w
}

// placeBytes is about what a workload costs that waits, beside what its client chose: its place in memory,
// and its rows and indices on disk.
const placeBytes = 1 << 10

// sizeOf is what a workload that waits counts in bytes. Labels are in an index, too.
func sizeOf(p *store.Place) int64 {
	return int64(placeBytes + len(p.ID) + p.NameBytes + p.SpecBytes + 2*p.LabelBytes)
}

// interrupt ends the task of a workload that has one; Runner.mu is held.
func (w *workload) interrupt(cause lifecycle.Cause) {
	if w.attempt != nil {
		w.attempt.Interrupt(cause)
	}
}

// pastOf is what the store has of earlier attempts.
func pastOf(s *record.Status) *attempt.Past {
	return &attempt.Past{First: s.FirstStart, Started: s.StartTime, Usage: api.Usage(s.Usage)}
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
