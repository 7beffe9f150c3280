package launch

import (
	"time"

	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// fate is what is known of a workload of the plan. Only those that are created or uncertain may be cancelled: another
// workload may have an id that a user chose.
type fate uint8

const (
	absent    fate = iota // not submitted, or refused
	created               // by this launch
	earlier               // it existed already, with the same spec
	uncertain             // an answer was lost, and none since has told
)

// ask notes that the workloads before one are asked for.
func (l *Launch) ask(to int) {
	if l.began.IsZero() {
		l.began = time.Now()
	}
	for len(l.fates) < to {
		l.fates = append(l.fates, absent)
	}
}

// lose notes that the answer about some workloads did not arrive.
func (l *Launch) lose(from, to int) {
	for i := from; i < to; i++ {
		if l.fates[i] == absent {
			l.fates[i] = uncertain
		}
	}
}

// accept notes that a workload is there, and whether that call has created it.
func (l *Launch) accept(i int, isNew bool) {
	switch {
	case isNew:
		l.fates[i] = created
	case l.fates[i] == absent:
		l.fates[i] = earlier
	}
}

// refuse notes that a workload was refused.
func (l *Launch) refuse(i int, why reactorv1.ErrorReason) {
	if l.fates[i] == uncertain && why == reactorv1.ErrorReason_ERROR_REASON_WORKLOAD_EXISTS {
		l.fates[i] = absent // what has the id has another spec, so the call that was lost has not created it
	}
}

// count returns how many workloads have a fate.
func (l *Launch) count(f fate) (n int) {
	for _, is := range l.fates {
		if is == f {
			n++
		}
	}
	return n
}

// names returns the ids of the workloads that have a fate.
func (l *Launch) names(f fate) (ids []string) {
	for i, is := range l.fates {
		if is == f {
			ids = append(ids, l.Plan.Name(i))
		}
	}
	return ids
}
