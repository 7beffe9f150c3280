package schedule

import (
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// trials is what a daemon does after the one before has died: see package crash.
type trials struct {
	on   bool  // until all have been tried
	left []int // suspects, to be tried one after another
	shut bool  // nothing else is started
	last int   // who was tried last, if shut; -1: nobody
}

// plan is whom a daemon suspects that starts after a death.
type plan uint8

const (
	nobody    plan = iota
	everybody      // that ran; everything else is started at once
	one            // that was started last; nothing else is started before its trial is over
	condemned      // that was started last: it ends
	plans
)

// restart begins with a daemon that knows nothing but what is in the store: what has not ended, in the order in which it
// was submitted.
func (w *world) restart() {
	w.Scheduler = New[int, string](Config{
		Starting: 2, Live: 3, Loading: 1, Pending: 100, Bytes: 1000, Memory: w.memory, Patience: time.Second,
	})
	w.hand, w.loads, w.trials = nil, nil, trials{}
	for i, j := range w.jobs {
		if w.guests[i].task == gone {
			continue
		}
		e := &Entry[int, string]{}
		e.Init(i, Key{j.module}, 1, 0)
		w.entries[i], w.guests[i] = e, guest{}
		w.Add(j.tenant, e)
	}
}

// shutDown has everything that runs put back. What is being started is put back or begins, as it comes.
func (w *world) shutDown() {
	w.Close()
	for i := range w.guests {
		w.cancel(i, lifecycle.ByShutdown)
	}
}

// youngest is who was started last of those that run; -1 if none does.
func (w *world) youngest() int {
	found := -1
	for i, e := range w.entries {
		if w.ran(i) && (found < 0 || e.share.order > w.entries[found].share.order) {
			found = i
		}
	}
	return found
}

func (w *world) ran(i int) bool {
	t := w.guests[i].task
	return t == spawned || t == running || t == parked
}

// die ends the daemon as it is, and starts another one with a plan.
func (w *world) die(p plan) {
	var suspects []int
	switch p {
	case everybody:
		for i := range w.guests {
			if w.ran(i) {
				suspects = append(suspects, i)
			}
		}
	case one, condemned:
		suspects = []int{w.youngest()}
	}
	w.restart()
	if p == condemned {
		i := suspects[0]
		w.Arrest(w.entries[i])
		w.Finish(w.entries[i])
		w.guests[i].task, w.guests[i].final = storing, true
		return
	}
	why := Why{Trouble: retry.Crash, Until: w.now}
	if p == everybody {
		why.Deadline = w.now.Add(2 * time.Second)
	}
	for _, i := range suspects {
		w.Suspect(w.entries[i], why, 1, w.now)
	}
	w.trials = trials{on: len(suspects) > 0, left: suspects, shut: p == one, last: -1}
	if p == one {
		w.ShutGate()
	}
}

// try begins the next trial, unless who was to be tried has ended or is about to.
func (w *world) try() {
	i := w.trials.left[0]
	w.trials.left = slices.Clone(w.trials.left[1:])
	if w.guests[i].task == gone {
		return
	}
	waits := w.entries[i].Stage() == lifecycle.Delayed
	if tried := w.Try(w.entries[i], w.now); tried != waits {
		w.fault("%d waits for its trial: %v, is tried: %v", i, waits, tried)
	}
	if waits && w.trials.shut {
		w.trials.last = i
	}
}

// checkGate finds who is started while the gate is shut and is not on trial.
func (w *world) checkGate(e *Entry[int, string]) {
	if w.trials.shut && e.Value != w.trials.last {
		w.fault("%d is started, and the gate is shut", e.Value)
	}
}
