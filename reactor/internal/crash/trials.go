package crash

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"
)

// Workloads are the unfinished workloads of the daemon before, by their ids. Unknown ids are ignored.
type Workloads interface {
	// Suspect delays a workload until its trial. until is zero if others are tried first.
	Suspect(id string, until time.Time, deaths int)
	// Try puts suspects at the front of the queue.
	Try(ids []string)
	// WaitGone waits until workloads have ended, or ctx has.
	WaitGone(ctx context.Context, ids []string)
	// Condemn ends the workload that kills the daemon.
	Condemn(id, message string)
	// ShutGate lets nothing start but what is tried, until OpenGate.
	ShutGate()
	OpenGate()
}

// Trials carries out a [Plan] after a death of the daemon, in steps:
//
//  1. NewTrials reads the journal. Add collects the workloads that were running, on trial, or first in the queue.
//  2. Judge makes the plan, writes the journal of this daemon, ends the guilty workload and delays the suspects. Nothing
//     has been started yet.
//  3. Run writes each group into the journal, then lets it start. A trial is over after its time, or when all of the
//     group have ended. If a trial comes first, the gate lets nothing else start until it is over.
//  4. After the trials the journal names nobody. When the daemon has been calm for long enough the journal counts no
//     deaths any more. A shutdown removes it.
//
// A journal that can't be written stops nothing from starting; deaths are not counted then.
type Trials struct {
	file      *File
	workloads Workloads
	log       *zap.Logger
	limit     int

	journal Journal // of the daemon before
	died    bool
	tried   map[string]bool // workloads that were on trial
	found   []Found
	heads   int
	plan    Plan
}

// NewTrials reads the journal of the daemon before. Limit is that of Judge.
func NewTrials(file *File, workloads Workloads, log *zap.Logger, limit int) *Trials {
	journal, died := file.Read()
	t := &Trials{
		file: file, workloads: workloads, log: log, limit: limit,
		journal: journal, died: died, tried: make(map[string]bool, len(journal.Trial)),
	}
	for _, id := range journal.Trial {
		t.tried[id] = true
	}
	return t
}

// Add adds an unfinished workload of the daemon before. The calls are in the order of the queue.
func (t *Trials) Add(f Found) {
	if f.Running {
		t.found = append(t.found, f)
	} else if t.tried[f.ID] || t.heads < Heads {
		t.heads++
		t.found = append(t.found, f)
	}
}

// Judge makes the plan of this start, before anything is started.
func (t *Trials) Judge() {
	if t.died {
		t.plan = Judge(t.journal, t.found, t.limit)
		t.log.Warn("the daemon before this one died", zap.Int("deaths", t.plan.Deaths), zap.Int("trials", len(t.plan.Trials)))
	}
	t.found, t.tried = nil, nil
	t.write(Journal{Deaths: t.plan.Deaths})
	if guilty := t.plan.Guilty; guilty != "" {
		t.log.Error("a workload was set apart, for the daemon died while it ran", zap.String("workload", guilty), zap.Int("deaths", t.plan.Deaths))
		t.workloads.Condemn(guilty, fmt.Sprintf(
			"the daemon died %d times in a row, and the last %d times this workload alone had just been started: it was set apart so that others can run. "+
				"Its module, or what it does, may kill the daemon, which is a fault of the daemon: please report it. To run it all the same, submit it again under another id",
			t.plan.Deaths, t.plan.Alone))
	}
	until := time.Now().Add(t.plan.Delay)
	for _, group := range t.plan.Trials {
		for _, id := range group {
			t.workloads.Suspect(id, until, t.plan.Deaths)
		}
		until = time.Time{} // trials end early if their workloads do
	}
	if t.plan.First {
		t.workloads.ShutGate()
	}
}

// Run tries the suspects. It returns when the daemon has been calm for long enough after that, or ctx ends.
func (t *Trials) Run(ctx context.Context) {
	if t.plan.Deaths == 0 {
		return
	}
	if len(t.plan.Trials) > 0 && !t.tryAll(ctx) {
		return
	}
	if sleep(ctx, Calm) {
		t.write(Journal{})
		t.log.Info("earlier deaths of the daemon do not count any more", zap.Int("deaths", t.plan.Deaths))
	}
}

// tryAll has one group after the other tried, and returns false if ctx ends before.
func (t *Trials) tryAll(ctx context.Context) bool {
	if !sleep(ctx, t.plan.Delay) {
		return false
	}
	for _, group := range t.plan.Trials {
		if !t.try(ctx, group) {
			return false
		}
	}
	t.write(Journal{Deaths: t.plan.Deaths})
	t.workloads.OpenGate()
	return true
}

// settling is how long after the last of a group has ended the daemon may still die of it.
const settling = time.Second

// try puts a group on trial, and returns false if ctx ends before the trial is over.
func (t *Trials) try(ctx context.Context, group []string) bool {
	t.write(Journal{Deaths: t.plan.Deaths, Trial: group, Alone: t.plan.Alone})
	t.workloads.Try(group)
	trial, cancel := context.WithTimeout(ctx, t.plan.Each)
	defer cancel()
	t.workloads.WaitGone(trial, group)
	if trial.Err() == nil {
		sleep(trial, settling)
	}
	return ctx.Err() == nil
}

func (t *Trials) write(j Journal) {
	if err := t.file.Write(j); err != nil {
		t.log.Warn("if the daemon dies now, that will not be known", zap.Error(err))
	}
}

// sleep waits, and returns false if ctx ends before.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
