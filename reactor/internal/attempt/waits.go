package attempt

import (
	"cmp"
	"slices"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
)

// waits returns what the workload has waited for, in all its attempts. The current wait has lasted for a time; zero if there
// is none.
func (a *Attempt) waits(current time.Duration) []api.WaitUsage {
	all := slices.Clone(a.before.Waits)
	p := a.process.Load()
	if p == nil {
		return all
	}
	past, kind := (*p).Waits()
	for _, w := range past {
		all = addWait(all, api.WaitUsage{Kind: api.OpKind(w.Kind), Time: w.Time, Count: w.Count})
	}
	if current > 0 && kind != 0 {
		all = addWait(all, api.WaitUsage{Kind: api.OpKind(kind), Time: current, Count: 1})
	}
	return all
}

// addWait adds to the usage of one kind. The list is in the order of the kinds.
func addWait(all []api.WaitUsage, w api.WaitUsage) []api.WaitUsage {
	i, found := slices.BinarySearchFunc(all, w.Kind, func(u api.WaitUsage, kind api.OpKind) int { return cmp.Compare(u.Kind, kind) })
	if !found {
		return slices.Insert(all, i, w)
	}
	all[i].Time += w.Time
	all[i].Count += w.Count
	return all
}

// stuckAfter is how long a guest has waited for nothing before it counts as stuck: one that was just about to go on is not.
const stuckAfter = time.Second

// Stuck reports whether the guest waits and nothing can wake it: it has been parked for a while without any pending
// operation.
func (a *Attempt) Stuck() bool {
	task := a.task.Load()
	if task == nil {
		return false
	}
	since := task.ParkedSince()
	if since.IsZero() || time.Since(since) < stuckAfter {
		return false
	}
	var buffer [1]hostcalls.Op
	return len(a.AppendOps(buffer[:0])) == 0 && task.Phase() == executor.Parked && task.ParkedSince().Equal(since)
}

// LastCall returns the host call in which the guest waits; empty if that is not known.
func (a *Attempt) LastCall() string {
	if p := a.process.Load(); p != nil {
		return (*p).LastCall()
	}
	return ""
}
