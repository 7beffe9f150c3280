package observe

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/api"
)

// Share is how much of a processor a workload has used lately.
type Share struct {
	ID  string
	CPU float64
}

// Busiest returns the workloads that have used the processors most lately, at most size of them, and only in one of the
// states, if there are any.
func (o *Observer) Busiest(ctx context.Context, of Selected, states []api.State, size int) ([]Share, error) {
	busiest := leading[Share]{n: size, compare: func(a, b Share) int {
		return cmp.Or(cmp.Compare(b.CPU, a.CPU), cmp.Compare(a.ID, b.ID))
	}}
	now := time.Now()
	err := o.each(ctx, of, func(w running) {
		state := api.Running
		if w.attempt.Parked() {
			state = api.Waiting
		}
		if len(states) == 0 || slices.Contains(states, state) {
			busiest.add(Share{w.id, w.attempt.CPUShare(now)})
		}
	})
	return busiest.cut(), err
}
