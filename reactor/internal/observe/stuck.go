package observe

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/internal/attempt"
)

// maxStuck bounds how many workloads that wait for each other are looked at. Of more than that it is not known whether they
// can go on.
const maxStuck = 256

// Stuck says why nothing can wake a workload any more; it is empty if something can.
func (o *Observer) Stuck(id string) string {
	a, _, _ := o.Look(id)
	if a == nil {
		return ""
	}
	return o.tellStuck(id, a)
}

func (o *Observer) tellStuck(id string, a *attempt.Attempt) string {
	peers, stuck := o.stuck(id, a)
	if !stuck {
		return ""
	}
	return stuckText(waitOf(a), id, peers) + circleText(id, o.circle(id))
}

// stuck reports whether nothing can wake a workload any more: it waits for nothing, or only for workloads, its peers, that
// nothing can wake either, since they wait for each other. What services wait for ends when their requests are due.
//
// A workload that is held has been since before now, so that all of them were at that time. Whoever was held then could only
// have been woken by one of them.
func (o *Observer) stuck(id string, a *attempt.Attempt) (peers []string, stuck bool) {
	now := time.Now()
	peers, held := a.HeldBy(now)
	known := map[string]bool{id: true}
	for next := peers; held && len(next) > 0; {
		peer := next[0]
		next = next[1:]
		if known[peer] {
			continue
		}
		b, _, _ := o.Look(peer)
		if known[peer] = true; b == nil || len(known) > maxStuck {
			return nil, false
		}
		var more []string
		more, held = b.HeldBy(now)
		next = append(slices.Clip(next), more...)
	}
	return peers, held
}

// circle follows what a workload waits for that is stuck, until it comes back to one: those that wait for each other, of which each
// waits for the next one. It returns nil if there are none.
func (o *Observer) circle(id string) (ids []string) {
	now := time.Now()
	at := map[string]int{}
	for len(ids) < maxStuck {
		if i, seen := at[id]; seen {
			return ids[i:]
		}
		at[id] = len(ids)
		ids = append(ids, id)
		a, _, _ := o.Look(id)
		if a == nil {
			return nil
		}
		peers, held := a.HeldBy(now)
		if !held || len(peers) == 0 {
			return nil
		}
		id = peers[0]
	}
	return nil
}

// circleText names those of a circle that are not told yet of a workload with its peers: it is empty for one that waits for itself,
// or for another one that waits for it.
func circleText(id string, circle []string) string {
	const most = 8
	switch n := len(circle); {
	case n < 2 || n == 2 && slices.Contains(circle, id):
		return ""
	case n > most:
		return fmt.Sprintf("; workloads %s and %d more wait for each other in a circle", strings.Join(circle[:most], ", "), n-most)
	default:
		return "; workloads " + strings.Join(circle, ", ") + " wait for each other in a circle"
	}
}

// mayBeStuck reports whether a workload that waits for these operations can be stuck. A service is, whatever comes to it, if its
// requests are.
func mayBeStuck(ops []hostcalls.Op) bool {
	return !slices.ContainsFunc(ops, func(op hostcalls.Op) bool {
		return op.Peer() == "" && op.Kind != hostcalls.OpAccept && op.Kind != hostcalls.OpServe
	})
}

// waitOf says where a guest waits.
func waitOf(a *attempt.Attempt) string {
	switch last := a.LastCall(); {
	case a.Service() != nil:
		return "until one of them is due, its requests wait"
	case last == "":
		return "it has made no host call, and waits"
	default:
		return "it waits in " + last
	}
}

// stuckText says what is known of a guest that nothing can wake any more.
func stuckText(where, id string, peers []string) string {
	const most = 3
	switch {
	case len(peers) == 0:
		return where + " for nothing that could wake it"
	case len(peers) == 1 && peers[0] == id:
		return where + " for itself"
	case len(peers) == 1:
		return where + " for workload " + peers[0] + ", which can't go on either"
	case len(peers) > most:
		return fmt.Sprintf("%s for workloads %s and %d more, which can't go on either", where, strings.Join(peers[:most], ", "), len(peers)-most)
	default:
		return where + " for workloads " + strings.Join(peers, ", ") + ", which can't go on either"
	}
}
