package attempt

import (
	"cmp"
	"slices"
	"time"

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

// heldAfter is how long a guest has waited before it counts as held: one that was just about to go on is not.
const heldAfter = time.Second

// HeldBy reports whether the guest has waited for a while, until a time, for nothing but other workloads, each of which
// alone can end an operation, and which these are. If there are none the guest waits for nothing at all. A service waits so if all
// the requests do that it has.
func (a *Attempt) HeldBy(until time.Time) (peers []string, held bool) {
	if s := a.server(); s != nil {
		peers, since := s.HeldBy()
		held := len(peers) > 0 && len(peers) <= maxPeers && until.Sub(since) >= heldAfter
		return peers, held
	}
	task := a.task.Load()
	if task == nil {
		return nil, false
	}
	since := task.ParkedSince()
	if since.IsZero() || until.Sub(since) < heldAfter {
		return nil, false
	}
	ops := a.FirstOps(1)
	if len(ops) > 0 && ops[0].Peer() == "" {
		return nil, false // as most are
	}
	var buffer [2]hostcalls.Op
	ops = a.AppendOps(buffer[:0])
	for i := range ops {
		peer := ops[i].Peer()
		switch {
		case peer == "" || len(peers) == maxPeers:
			return nil, false
		case !slices.Contains(peers, peer):
			peers = append(peers, peer)
		}
	}
	return peers, task.ParkedSince().Equal(since)
}

// Serves reports whether the guest does not end by itself: it is a service, or it has waited for a while for connections to its listeners,
// and for nothing else.
func (a *Attempt) Serves() bool {
	if a.server() != nil {
		return true
	}
	task := a.task.Load()
	if task == nil {
		return false
	}
	since := task.ParkedSince()
	if since.IsZero() || time.Since(since) < heldAfter {
		return false
	}
	other := func(op hostcalls.Op) bool { return op.Kind != hostcalls.OpAccept || !op.Deadline.IsZero() }
	if ops := a.FirstOps(1); len(ops) == 0 || other(ops[0]) {
		return false // as most
	}
	return !slices.ContainsFunc(a.AppendOps(nil), other) && task.ParkedSince().Equal(since)
}

// maxPeers bounds how many workloads a guest that is held may wait for.
const maxPeers = 64

// LastCall returns the host call in which the guest waits; empty if that is not known.
func (a *Attempt) LastCall() string {
	if p := a.process.Load(); p != nil {
		return (*p).LastCall()
	}
	return ""
}
