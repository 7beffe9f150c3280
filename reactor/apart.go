package reactor

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/crash"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// This file does what package crash plans after a death of the daemon. In steps:
//
//  1. recover reads the journal, and gathers what was running, what was on trial, and what was first in
//     line.
//  2. judge makes the plan, and ends the guilty workload. Suspects become Delayed;
//     everything else is in the queue. The journal of this daemon is written before anything starts.
//  3. tryApart, a goroutine, writes each group into the journal and then puts it before the queue. If a
//     trial comes first, the gate keeps everything else from being started until it is over.
//  4. When the trials are over the journal has nobody on trial; when the daemon has been calm for long
//     enough it counts no deaths any more. Shutdown removes it.
//
// A journal that can't be written keeps nothing from being started: it is only that deaths do not count.

// leftovers are what a former daemon left unfinished, as far as crash.Judge needs to know.
type leftovers struct {
	journal crash.Journal
	died    bool
	tried   map[string]bool // those on trial
	found   []crash.Found
	heads   int
}

func (r *Reactor) newLeftovers() *leftovers {
	journal, died := r.journal.Read()
	l := &leftovers{journal: journal, died: died, tried: make(map[string]bool, len(journal.Trial))}
	for _, id := range journal.Trial {
		l.tried[id] = true
	}
	return l
}

func (l *leftovers) add(p *store.Place) {
	if p.Interrupted {
		status, _ := record.DecodeStatus(&store.Workload{ID: p.ID, Status: p.Status}) // without it the start is the zero time: the workload counts as old
		l.found = append(l.found, crash.Found{ID: p.ID, Running: true, Started: status.StartTime})
	} else if l.tried[p.ID] || l.heads < crash.Heads {
		l.heads++
		l.found = append(l.found, crash.Found{ID: p.ID})
	}
}

// judge makes the plan of this start. Nothing runs yet.
func (r *Reactor) judge(left *leftovers) {
	if left.died {
		r.plan = crash.Judge(left.journal, left.found, r.cfg.CrashLimit)
		r.log.Warn("the daemon before this one died", zap.Int("deaths", r.plan.Deaths), zap.Int("trials", len(r.plan.Trials)))
	}
	r.writeJournal(crash.Journal{Deaths: r.plan.Deaths})
	if w := r.live[r.plan.Guilty]; w != nil {
		r.setApart(w)
	}
	start := time.Now().Add(r.plan.Delay)
	for i, group := range r.plan.Trials {
		for _, id := range group {
			r.suspect(r.live[id], start.Add(time.Duration(i)*r.plan.Each))
		}
	}
	if r.plan.First {
		r.mu.Lock()
		r.sched.ShutGate()
		r.mu.Unlock()
	}
}

// setApart ends the workload that the daemon dies of.
func (r *Reactor) setApart(w *workload) {
	r.log.Error("a workload was set apart, for the daemon died while it ran", zap.String("workload", w.id), zap.Int("deaths", r.plan.Deaths))
	r.mu.Lock()
	r.sched.Arrest(&w.entry)
	r.mu.Unlock()
	r.finish(w, nil, outcome.Outcome{State: api.Failed, Reason: api.ReasonDaemonDied, Message: fmt.Sprintf(
		"the daemon died %d times in a row, and the last %d times this workload alone had just been started: it was set apart so that others can run. "+
			"Its module or what it does may be what the daemon dies of, which is a fault of the daemon: please report it. To run it all the same, submit it again under another id",
		r.plan.Deaths, r.plan.Alone)})
}

// suspect takes a workload out of the queue until its trial.
func (r *Reactor) suspect(w *workload, until time.Time) {
	const readable = 1000 // beyond, timeouts are looked at when a workload is started
	last := w.last
	if last == nil && r.sched.Delayed() < readable {
		last = r.readLast(w)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w.last = last
	r.sched.Suspect(&w.entry, schedule.Why{
		Trouble: retry.Crash, Message: "the daemon died while it ran", Until: until, Deadline: last.deadline(),
	}, uint32(r.plan.Deaths), time.Now())
}

// tryApart is the goroutine that starts suspects.
func (r *Reactor) tryApart() {
	if r.plan.Deaths == 0 {
		return
	}
	wait := r.plan.Delay
	for _, group := range r.plan.Trials {
		if !r.sleep(wait) {
			return
		}
		wait = r.plan.Each
		r.writeJournal(crash.Journal{Deaths: r.plan.Deaths, Trial: group, Alone: r.plan.Alone})
		r.onTrial(group)
	}
	if len(r.plan.Trials) > 0 {
		if !r.sleep(wait) {
			return
		}
		r.writeJournal(crash.Journal{Deaths: r.plan.Deaths})
		r.openGate()
	}
	if r.sleep(crash.Calm) {
		r.writeJournal(crash.Journal{})
		r.log.Info("former deaths of the daemon do not count any more", zap.Int("deaths", r.plan.Deaths))
	}
}

// onTrial puts suspects before the queue.
func (r *Reactor) onTrial(group []string) {
	r.mu.Lock()
	for _, id := range group {
		if w := r.live[id]; w != nil {
			r.sched.Try(&w.entry) // unless it was cancelled, or is overdue
		}
	}
	r.mu.Unlock()
	r.kick()
}

func (r *Reactor) openGate() {
	r.mu.Lock()
	r.sched.OpenGate()
	r.mu.Unlock()
	r.kick()
}

// sleep waits, and is false if the reactor shuts down before.
func (r *Reactor) sleep(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.ctx.Done():
		return false
	}
}

func (r *Reactor) writeJournal(j crash.Journal) {
	if err := r.journal.Write(j); err != nil {
		r.log.Warn("if the daemon dies now, that will not be known", zap.Error(err))
	}
}
