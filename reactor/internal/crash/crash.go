// Package crash finds the workload that the daemon dies of.
//
// A workload that was running when the daemon died is started again by the next one. If it is what
// the daemon died of, the next one dies as well, and everybody's work is begun anew each time. But of a
// hundred thousand that were running one at most is to blame, and after a power cut none. So the
// suspects are tried apart, as one finds a bad fuse:
//
//  1. A daemon keeps a [Journal] on disk while it runs. One that ends in order removes it, so a
//     journal that is found at a start tells that the daemon before has died.
//  2. After the first death in a row everything is started at once, but for the workload that was
//     started last, which is the likeliest: it follows a second later, alone on trial.
//  3. After more deaths the suspects are those that were on trial, or, if nothing was, all that were
//     running and the first of those that were waiting: a start is on disk some milliseconds after
//     it. The suspects are divided into groups. All others are started at once; when they have run
//     for a while one group after another is started, and is on trial for a while.
//  4. What is on trial is in the journal, on disk, before it is started. So if the daemon dies now,
//     the search goes on among them: 32 times fewer with each death.
//  5. What was alone on trial is tried once more before anything else is started, with nothing beside
//     it. If the daemon dies again, after three deaths in a row, the workload is set apart; else it
//     was not to blame, and all others start. (The numbers follow the limit, which is a setting.)
//  6. A daemon that has lived for [Calm] since its last trial begins to count anew.
//
// The times grow with each death. So what takes long to bring the daemon down is found by a later
// round; and if the daemon dies again and again soon after its start, of power cuts say, nothing is on
// trial by then, and nobody is suspected. (TestPoisonIsFound, TestPowerCuts)
//
// Rejected: a count of deaths for each workload that was running (three power cuts would condemn
// everything); one by one from the first death on (a hundred thousand would take hours to be back).
//
// [Judge] is pure. A [File] may be used by several goroutines. [Trials] carries the plan out: Add and Judge are called
// before anything runs, Run is the whole of a goroutine.
package crash

import (
	"slices"
	"time"
)

// Calm is how long a daemon has to live after its trials to make former deaths forgotten.
const Calm = 10 * time.Minute

// Heads is how many of those that wait first are suspects besides those that run.
const Heads = 256

// Journal is what the next daemon has to know if this one dies.
type Journal struct {
	Deaths int      `json:"deaths"`          // of daemons in a row before this one
	Trial  []string `json:"trial,omitempty"` // the workloads on trial
	Alone  int      `json:"alone,omitempty"` // deaths before this at which the one on trial was it alone
}

// Found is an unfinished workload that the daemon before left.
type Found struct {
	ID      string
	Running bool      // on disk; else it waits, and was among the first
	Started time.Time // if it was running
}

// Plan is how to start what the daemon before left.
type Plan struct {
	Deaths int // in a row
	// Guilty is the workload to set apart; empty if there is none.
	Guilty string
	// Trials are the groups to start apart, one after another. All others start at once.
	Trials [][]string
	// First says that the one trial comes before anything else is started.
	First bool
	// Alone goes into the journal with each trial.
	Alone int
	// Delay is how long to wait before the first trial, Each how long each takes.
	Delay, Each time.Duration
}

// Judge makes the plan after a death, from the journal that was found, and what was found running or
// first in line. Limit is the number of deaths in a row from which on a workload may be set apart, 2 at least.
func Judge(j Journal, found []Found, limit int) Plan {
	p := Plan{Deaths: j.Deaths + 1}
	p.Delay, p.Each = times(p.Deaths)
	suspects, tried := suspectsOf(j, found, p.Deaths)
	switch {
	case len(suspects) == 0:
		return p
	case len(suspects) > 1:
		p.Trials = slices.Collect(slices.Chunk(suspects, (len(suspects)+groups-1)/groups))
		return p
	}
	if tried && len(j.Trial) == 1 {
		p.Alone = j.Alone + 1
	}
	if p.Deaths >= limit && p.Alone >= limit-1 {
		p.Guilty = suspects[0]
		return p
	}
	p.First = p.Alone > 0
	if len(found) == 1 && p.Deaths == 1 {
		p.Delay = 0 // there is nobody to be kept apart from
	}
	p.Trials = [][]string{suspects}
	return p
}

// groups is into how many the suspects are divided.
const groups = 32

// suspectsOf returns the suspects, and whether they were on trial.
func suspectsOf(j Journal, found []Found, deaths int) (ids []string, tried bool) {
	trial := make(map[string]bool, len(j.Trial))
	for _, id := range j.Trial {
		trial[id] = true
	}
	if on := idsOf(found, func(f Found) bool { return trial[f.ID] }); len(on) > 0 {
		return on, true
	}
	if deaths > 1 {
		return idsOf(found, func(Found) bool { return true }), false
	}
	last := -1
	for i, f := range found {
		if f.Running && (last < 0 || !f.Started.Before(found[last].Started)) {
			last = i
		}
	}
	if last < 0 {
		return nil, false
	}
	return []string{found[last].ID}, false
}

func idsOf(found []Found, keep func(Found) bool) (ids []string) {
	for _, f := range found {
		if keep(f) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// times are those of a Plan after so many deaths in a row.
func times(deaths int) (delay, each time.Duration) {
	const most = 5 * time.Minute
	if deaths <= 1 {
		return time.Second, 10 * time.Second // nobody waits behind the one that is tried
	}
	t := most
	if deaths < 10 {
		t = min(5*time.Second<<(deaths-2), most)
	}
	return t, t
}
