// Package crash finds the workload that kills the daemon.
//
// When a daemon dies, the next one starts the workloads that were running again. If one of them killed the
// daemon, the next one dies as well, and everybody's work starts over each time. But of a hundred thousand
// running workloads at most one is to blame, and after a power cut none. So the suspects are tried apart, the way
// one finds a bad fuse:
//
//  1. A daemon keeps a [Journal] on disk while it runs, and removes it when it stops in order. So a
//     journal that is found at a start shows that the previous daemon died.
//  2. After the first death in a row all workloads are started at once, except the one that was started
//     last, the most likely culprit: it follows a second later, alone on trial.
//  3. After further deaths the suspects are the workloads that were on trial. If none was, they are all that
//     were running and the first of those that were waiting, since a start is on disk only some milliseconds
//     after it happened. The suspects are divided into groups. All other workloads are started at once; when
//     they have run for a while, one group after another is started, and each is on trial for a while.
//  4. What is on trial is in the journal, on disk, before it is started. So if the daemon dies now, the
//     search continues within that group: with each death there are 32 times fewer suspects.
//  5. A workload that was alone on trial is tried once more before anything else is started, with nothing
//     beside it. If the daemon dies again, and it was the third death in a row, the workload is set apart;
//     otherwise it was not to blame, and all others start. (The numbers follow the limit, which is a setting.)
//  6. A daemon that has lived for [Calm] since its last trial counts deaths from zero again. A death that leaves nothing
//     unfinished ends the row, too, since there is nobody to suspect.
//
// No trial takes longer than [Longest]: what has run for so long is acquitted of the death that it was suspected of. So a
// workload that runs for longer is never set apart, however often something else ends the daemon (TestKills). The price
// is that a workload that takes longer to kill the daemon is not found: nothing tells it from power cuts
// (TestSlowPoison).
//
// The time before the first trial grows with each death, up to [LongestDelay]. So if the daemon dies again and again
// soon after its start, of power cuts for example, nothing is on trial by then, and nobody is suspected
// (TestPoisonIsFound, TestPowerCuts).
//
// Rejected: a count of deaths for each workload that was running (three power cuts would condemn
// everything); one by one from the first death on (a hundred thousand would take hours to be back); trials that grow
// with each death (a daemon that is killed every minute for another reason is soon killed during a trial each time).
//
// [Judge] is pure. A [File] may be used by several goroutines. [Trials] carries out the plan: Add and Judge are called
// before anything runs, and Run is the whole work of a goroutine.
package crash

import (
	"slices"
	"time"
)

const (
	// Longest is how long a trial takes at most.
	Longest = 10 * time.Second
	// LongestDelay is how long the first trial waits at most.
	LongestDelay = 30 * time.Second
	// Calm is how long a daemon has to live after its trials until earlier deaths are forgotten. It is longer than
	// Longest, because after the last trial all others may start.
	Calm = 30 * time.Second
)

// Heads is how many of the first waiting workloads are suspects, besides the running ones.
const Heads = 256

// Journal is what the next daemon needs to know if this one dies.
type Journal struct {
	Deaths int      `json:"deaths"`          // daemons that died in a row before this one
	Trial  []string `json:"trial,omitempty"` // the workloads on trial
	Alone  int      `json:"alone,omitempty"` // deaths so far at which the workload on trial was alone on trial
}

// Found is an unfinished workload that the previous daemon left.
type Found struct {
	ID      string
	Running bool      // according to the disk; else it was among the first that waited
	Started time.Time // if it was running
}

// Plan says how to start what the previous daemon left.
type Plan struct {
	Deaths int // in a row; 0 if the last one left nothing unfinished
	// Guilty is the workload to set apart; empty if there is none.
	Guilty string
	// Trials are the groups to start apart, one after another. All others start at once.
	Trials [][]string
	// First is true if the one trial comes before anything else is started.
	First bool
	// Alone is the journal's Alone for each trial.
	Alone int
	// Delay is how long to wait before the first trial, Each is how long each trial takes.
	Delay, Each time.Duration
}

// Judge makes the plan after a death, from the journal that was found and the workloads that were found running
// or first in line. limit is the number of deaths in a row after which a workload may be set apart, at least 2.
func Judge(j Journal, found []Found, limit int) Plan {
	if len(found) == 0 {
		return Plan{}
	}
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
		p.Delay = 0 // nothing to be kept apart from
	}
	p.Trials = [][]string{suspects}
	return p
}

// groups is the number of groups that the suspects are divided into.
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

// times returns Delay and Each of a Plan after the given number of deaths in a row.
func times(deaths int) (delay, each time.Duration) {
	const second = 5 * time.Second // many wait for their trials
	switch {
	case deaths <= 1:
		return time.Second, Longest // nobody waits behind the one on trial
	case deaths < 5:
		delay = second << (deaths - 2)
		return delay, min(delay, Longest)
	}
	return LongestDelay, Longest
}
