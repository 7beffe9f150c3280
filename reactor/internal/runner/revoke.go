package runner

import (
	"slices"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/record"
)

// How grants of a workload are revoked, in steps:
//
//  1. Revoke notes them in memory, and revokes them in the attempt, if there is one. Further attempts begin without them,
//     and every status that is put together from here on has them.
//  2. Whoever revokes amends the record in the store (package revoke), which refuses that if the record has changed since
//     it was read. So neither can the amendment undo what was recorded meanwhile, nor can what is recorded later undo the
//     revocation: statuses that were put together before step 1 are on their way to the store only while the workload is
//     Starting or Ending, and those are waited for.

// Revoke revokes grants of a workload that has not ended. While a status of the workload is on its way to the store it
// returns the channel that Changed returns: then the record is to be read again after the change. live is false if the
// workload has ended, or never existed.
func (r *Runner) Revoke(id string, grants []record.Revocation) (changed <-chan struct{}, live bool) {
	r.mu.Lock()
	w := r.live[id]
	if w == nil {
		r.mu.Unlock()
		return nil, false
	}
	w.revoked = merge(w.revoked, grants)
	a := w.attempt
	if stage := w.entry.Stage(); stage == lifecycle.Starting || stage == lifecycle.Ending {
		changed = w.changed.Next()
	}
	r.mu.Unlock()
	if a != nil {
		revoke(a, grants)
	}
	return changed, true
}

func revoke(a *started, grants []record.Revocation) {
	for _, g := range grants {
		a.Revoke(g.Grant)
	}
}

// merge returns the revocations of both lists, in the order of the grants. Those of the first count.
func merge(list, more []record.Revocation) []record.Revocation {
	merged := slices.Clone(list) // the old list may be in use
	for _, m := range more {
		if !slices.ContainsFunc(merged, func(r record.Revocation) bool { return r.Grant == m.Grant }) {
			merged = append(merged, m)
		}
	}
	slices.SortFunc(merged, func(a, b record.Revocation) int { return a.Grant - b.Grant })
	return merged
}
