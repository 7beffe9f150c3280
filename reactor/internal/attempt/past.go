package attempt

import (
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/learn"
)

// Past is what a workload's earlier attempts left.
type Past struct {
	First, Started time.Time     // when the first attempt was started, and the last
	Timeout        time.Duration // of the workload, from First on; zero: none
	Usage          api.Usage
	Refusals       *learn.Recorder // nil: none
}

// Past returns what the attempt leaves to the next one. Used is the usage that was recorded.
func (a *Attempt) Past(used api.Usage) Past {
	return Past{First: a.First, Started: a.Started, Timeout: a.Limits.Timeout, Usage: used, Refusals: a.refusals}
}

// Deadline returns when the workload's timeout passes; zero if it has none, or was never started.
func (p *Past) Deadline() time.Time {
	if p == nil || p.Timeout == 0 || p.First.IsZero() {
		return time.Time{}
	}
	return p.First.Add(p.Timeout)
}
