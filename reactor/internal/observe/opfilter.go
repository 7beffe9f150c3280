package observe

import (
	"fmt"
	"strings"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/reactor/api"
)

// OpFilter selects operations of workloads. The zero value selects all.
type OpFilter struct {
	kinds  [hostcalls.OpKinds]bool
	some   bool // only those kinds
	target string
	prefix bool // targets that begin so
	minAge time.Duration
}

// NewOpFilter makes the filter that a client asks for.
func NewOpFilter(f api.OpFilter) OpFilter {
	filter := OpFilter{some: len(f.Kinds) > 0, minAge: f.MinAge}
	for _, k := range f.Kinds {
		if int(k) < len(filter.kinds) {
			filter.kinds[k] = true
		}
	}
	filter.target, filter.prefix = strings.CutSuffix(f.Target, "*")
	return filter
}

// selects reports whether the filter selects an operation.
func (f *OpFilter) selects(op *hostcalls.Op, now time.Time) bool {
	switch {
	case f.some && !f.kinds[op.Kind]:
		return false
	case f.prefix && !strings.HasPrefix(op.Target, f.target):
		return false
	case !f.prefix && f.target != "" && op.Target != f.target:
		return false
	default:
		return f.minAge <= 0 || now.Sub(op.Start) >= f.minAge
	}
}

// keep keeps the selected ones of operations, in place.
func (f *OpFilter) keep(ops []hostcalls.Op, now time.Time) []hostcalls.Op {
	selected := ops[:0]
	for i := range ops {
		if f.selects(&ops[i], now) {
			selected = append(selected, ops[i])
		}
	}
	return selected
}

// maxOpText bounds the target and the grant of an operation, as they are sent: their length is the guest's choice, or its
// owner's.
const maxOpText = 1 << 10

// apiOps returns operations of a workload as clients see them.
func (o *Observer) apiOps(w running, ops []hostcalls.Op) []api.Op {
	due := w.attempt.Deadline()
	var list []api.Op
	for i := range ops {
		list = append(list, o.apiOp(w.id, &ops[i], due))
	}
	return list
}

// apiOp returns an operation of a workload whose timeout passes at a time; zero if it has none.
func (o *Observer) apiOp(id string, op *hostcalls.Op, due time.Time) api.Op {
	if !op.Deadline.IsZero() && (due.IsZero() || op.Deadline.Before(due)) {
		due = op.Deadline
	}
	return api.Op{
		WorkloadID: id, Kind: api.OpKind(op.Kind), Target: clip.Text(op.Target, maxOpText),
		StartTime: op.Start, Deadline: due, Bytes: op.Bytes,
		Transferred: op.Transferred(), Grant: clip.Text(op.Grant(), maxOpText), Reason: o.whyWaits(op), Peer: op.OtherEnd(),
	}
}

// whyWaits says why another workload does not accept the connection, or offer the functions, that an operation waits for; nothing if it will, or if
// the operation waits for something else.
func (o *Observer) whyWaits(op *hostcalls.Op) string {
	awaiting := op.Awaiting()
	if awaiting == nil {
		return ""
	}
	id, listener := awaiting.Awaits()
	a, _, live := o.Look(id)
	switch {
	case !live:
		return fmt.Sprintf("workload %s does not exist, or has ended", id)
	case a == nil || !a.Open():
		return fmt.Sprintf("workload %s has not started", id)
	case awaiting.Listens(): // asked only now: no listener is added to a workload that has started
		return ""
	case op.Kind == hostcalls.OpCall:
		return fmt.Sprintf("workload %s does not offer its functions to other workloads", id)
	case listener == "":
		return fmt.Sprintf("workload %s has no listener for other workloads", id)
	default:
		return fmt.Sprintf("workload %s has no listener %q for other workloads", id, listener)
	}
}
