package reactor

import (
	"context"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/internal/notify"
)

// shortageInterval is the least time between two warnings that guests lack descriptors.
const shortageInterval = time.Minute

// shortage tells the operator when guests are refused descriptors of the daemon. Guests try again and again, so only one
// line a minute does.
type shortage struct {
	log      *zap.Logger
	budget   *hostcalls.Budget
	refused  atomic.Uint64          // since the start
	told     uint64                 // of refused, with the last warning
	workload atomic.Pointer[string] // the last one that was refused
	noted    notify.Signal
}

func newShortage(log *zap.Logger, budget *hostcalls.Budget) *shortage {
	s := &shortage{log: log, budget: budget, noted: notify.NewSignal()}
	budget.OnRefused = s.note
	return s
}

// note is called on the goroutines of guests, which must not wait for the log.
func (s *shortage) note(workload string) {
	s.refused.Add(1)
	s.workload.Store(&workload)
	s.noted.Set()
}

// run writes the warnings until ctx ends.
func (s *shortage) run(ctx context.Context) {
	for {
		select {
		case <-s.noted:
			s.warn()
		case <-ctx.Done():
			return
		}
		select {
		case <-time.After(shortageInterval):
		case <-ctx.Done():
			return
		}
	}
}

func (s *shortage) warn() {
	used, limit := s.budget.Use()
	refused := s.refused.Load()
	s.log.Warn("guests lack file descriptors: start the daemon with a higher limit of open files (ulimit -n)",
		zap.Uint64("refused", refused-s.told), zap.Stringp("workload", s.workload.Load()),
		zap.Int64("descriptors_of_guests", used), zap.Int64("descriptors_for_guests", limit))
	s.told = refused
}
