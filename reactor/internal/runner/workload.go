package runner

import (
	"sync/atomic"
	"time"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/learn"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// workload is a workload that has not ended. A million may wait and a million may run, so it is kept small.
type workload struct {
	id     string
	status []byte // of one that was started by an earlier daemon; not changed

	port atomic.Pointer[terminal.Port] // where clients attach, if they can; made by the first user

	// Guarded by Runner.mu. What only the dispatcher changes (rec, attempts) it reads without.
	entry entry // in the scheduler
	// rec is the record as submitted or claimed; its state is not kept up to date. It is nil while the workload
	// waits behind many others, and rec.Spec is nil if it is large: then they are read from the store at the start.
	rec      *store.Workload
	attempts uint32           // as recorded, or asked to be recorded
	queued   uint32           // when it began to wait for its start, at first or again: Runner.moment
	index    int              // in Runner.all
	attempt  *started         // from Starting on, until it is put back or gone
	past     *attempt.Past    // of a workload that was put back; it does not change while its stage is Loading
	changed  notify.Broadcast // told when the workload runs, is put back or is gone
	revoked  []record.Revocation

	spec *api.Spec // the dispatcher's: decoded, until the first start; nil if memory is short
}

// The types of package schedule, for workloads.
type (
	scheduler = schedule.Scheduler[*workload, loaded]
	entry     = schedule.Entry[*workload, loaded]
	action    = schedule.Action[*workload, loaded]
)

// loaded is a compiled module, or why it could not be loaded.
type loaded struct {
	module abi.Program
	err    error
}

// started is a workload's attempt, and the attempt's Owner.
type started struct {
	attempt.Attempt
	runner   *Runner
	workload *workload
	memory   engine.Allowance
	trace    hooks.Trace // of the submission; none without hooks
	created  time.Time   // when it was submitted; zero without hooks
	serves   bool        // it is a service
	entered  bool        // its task has run
}

// newWorkload makes the workload of a place, without its record.
func newWorkload(p *store.Place) *workload {
	w := &workload{id: p.ID, attempts: p.Attempts, status: p.Status, revoked: record.RevokedOf(p.Status)}
	held := int64(p.SpecBytes) // only standard input can be large in a spec
	w.entry.Init(w, p.Module, sizeOf(p), held)
	return w
}

// placeBytes is about what a waiting workload costs in memory and on disk, without the strings that its client chose.
const placeBytes = 1 << 10

// sizeOf is the size of a waiting workload, in bytes. Labels count twice: they are in an index, too.
func sizeOf(p *store.Place) int64 {
	return int64(placeBytes + len(p.ID) + p.NameBytes + p.SpecBytes + 2*p.LabelBytes)
}

// interrupt ends the workload's task, if it has one. Runner.mu is held.
func (w *workload) interrupt(cause lifecycle.Cause) {
	if w.attempt != nil {
		w.attempt.Interrupt(cause)
	}
}

// pastOf is the past that a status in the store has.
func pastOf(s *record.Status) *attempt.Past {
	past := &attempt.Past{First: s.FirstStart, Started: s.StartTime, Usage: s.Usage.Decode()}
	if len(s.Refused) > 0 {
		past.Refusals = learn.NewRecorder(s.RefusedList())
	}
	return past
}

// portOf returns the port of a workload that clients can attach to.
func portOf(w *workload, mode terminal.Mode) *terminal.Port {
	if p := w.port.Load(); p != nil {
		return p
	}
	p := terminal.NewPort(mode)
	if w.port.CompareAndSwap(nil, p) {
		return p
	}
	return w.port.Load()
}
