package lifelog

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"
	"golang.org/x/time/rate"

	"github.com/reactord/reactord/cmd/reactord/internal/config"
	"github.com/reactord/reactord/internal/clip"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/hooks"
)

const (
	// burst and perSecond are the budget of a kind of lines: how many are written after a while without any, and in the long run.
	burst     = 200
	perSecond = 5
	// most is how many lines wait to be written. It is more than all budgets together allow at once.
	most = 4096
	// interval is how often the lines that were left out are told of.
	interval = 10 * time.Second
)

// line is a line to be written.
type line struct {
	event   event
	of      hooks.Event
	outcome hooks.Outcome // of an end
	audited *audited      // of what a caller did
	failure *hooks.NetworkFailure
}

// Log logs the lives of workloads. Make one with New.
type Log struct {
	log   *zap.Logger
	ready notify.Signal // to Run: there are lines

	mu      sync.Mutex
	scope   config.LogWorkloads
	taking  bool // new submissions; before that, what an earlier daemon has left is queued
	usual   *rate.Limiter
	unusual *rate.Limiter
	grants  *rate.Limiter
	refused *rate.Limiter // apart, since whoever is refused chooses how often
	network *rate.Limiter // apart, since guests choose how often
	lines   []line
	untold  tally // what was left out since the last summary
}

// New makes a log of the workloads in scope.
func New(log *zap.Logger, scope config.LogWorkloads) *Log {
	return &Log{
		log: log, ready: notify.NewSignal(), scope: scope,
		usual: newBudget(), unusual: newBudget(), grants: newBudget(), refused: newBudget(), network: newBudget(),
	}
}

func newBudget() *rate.Limiter { return rate.NewLimiter(perSecond, burst) }

// SetScope changes which workloads are logged.
func (l *Log) SetScope(scope config.LogWorkloads) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.scope = scope
}

// TakeSubmissions has what is queued from now on count as submitted.
func (l *Log) TakeSubmissions() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taking = true
}

// Hooks returns the hooks of a reactor whose workloads are logged. None of them is called on a worker, but for
// OnNetworkFailure, which is seldom: OnLoaded stands for the start, which follows at once.
func (l *Log) Hooks() hooks.Hooks {
	return hooks.Hooks{
		OnQueued: func(e hooks.Event) {
			if e.Attempt == 0 { // it is no further attempt
				l.add(line{event: submitted, of: e})
			}
		},
		OnLoaded: func(e hooks.Event) { l.add(line{event: started, of: e}) },
		OnNetworkFailure: func(e hooks.Event, f hooks.NetworkFailure) {
			f.Target, f.Message = clip.Text(f.Target, maxText), clip.Text(f.Message, maxText)
			l.add(line{event: netFail, of: e, failure: &f})
		},
		OnCommitted: func(e hooks.Event, o hooks.Outcome) {
			if o.Err == nil { // otherwise the reactor logs the error
				l.add(line{event: end(o), of: e, outcome: o})
			}
		},
	}
}

// add queues a line, or counts it.
func (l *Log) add(n line) {
	debug := l.log.Core().Enabled(zap.DebugLevel)
	if !debug && !l.log.Core().Enabled(zap.InfoLevel) {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.inScope(n.event) {
		return
	}
	b := l.budgetOf(n.event)
	if len(l.lines) == most || !debug && !b.AllowN(n.of.Time, 1) {
		l.untold[n.event]++
		return
	}
	l.lines = append(l.lines, n)
	l.ready.Set()
}

// budgetOf returns the budget of an event. mu is held.
func (l *Log) budgetOf(e event) *rate.Limiter {
	switch {
	case e == refused:
		return l.refused
	case e == netFail:
		return l.network
	case e.audited():
		return l.grants
	case e.unusual():
		return l.unusual
	}
	return l.usual
}

// inScope reports whether an event is to be logged. mu is held.
func (l *Log) inScope(e event) bool {
	switch {
	case e.audited():
		return true
	case e == submitted && !l.taking, l.scope == config.LogNoWorkloads:
		return false
	case l.scope == config.LogFailedWorkloads:
		return e.unusual() || e == netFail
	}
	return true
}

// Run writes the lines until ctx ends, and then those that are left.
func (l *Log) Run(ctx context.Context) {
	ticks := time.NewTicker(interval)
	defer ticks.Stop()
	for {
		select {
		case <-l.ready:
			l.write()
		case <-ticks.C:
			l.tell()
		case <-ctx.Done():
			l.write()
			l.tell()
			return
		}
	}
}

// write writes the lines that are queued.
func (l *Log) write() {
	l.mu.Lock()
	lines := l.lines
	l.lines = nil
	l.mu.Unlock()
	for i := range lines {
		l.log.Info(lines[i].text(), lines[i].fields()...)
	}
}

// tell tells how many lines were left out since it did so last.
func (l *Log) tell() {
	l.mu.Lock()
	untold := l.untold
	l.untold = tally{}
	l.mu.Unlock()
	if !untold.isZero() {
		l.log.Info("more workloads than are logged one by one", untold.fields()...)
	}
}

// text returns the message of a line.
func (n *line) text() string {
	switch n.event {
	case submitted:
		return "workload submitted"
	case started:
		return "workload started"
	case putBack:
		return "workload put back"
	case granted:
		return "workload submitted with grants"
	case refused:
		return "workload refused for its grants"
	case revoked:
		return "workload lost grants"
	case drained:
		return "draining for a caller"
	case undrained:
		return "a caller has ended the drain"
	case netFail:
		return "workload did not get what it asked of the network"
	default:
		return "workload ended"
	}
}

func (n *line) fields() []zap.Field {
	e, o := &n.of, &n.outcome
	if n.audited != nil {
		return n.audited.fields(e.ID)
	}
	fields := []zap.Field{zap.String("workload", e.ID), zap.String("tenant", e.Tenant), zap.String("module", e.Module)}
	if e.Attempt != 0 {
		fields = append(fields, zap.Uint32("attempt", e.Attempt))
	}
	if e.Trace.Parent != "" {
		fields = append(fields, zap.String("traceparent", string(e.Trace.Parent)))
	}
	if f := n.failure; f != nil {
		return append(fields, failureFields(f)...)
	}
	if n.event == submitted || n.event == started {
		return fields
	}
	fields = append(fields, zap.Stringer("state", o.State), zap.Stringer("reason", o.Reason))
	if o.Message != "" {
		fields = append(fields, zap.String("message", o.Message))
	}
	u := &o.Usage
	return append(fields, zap.Duration("cpu", u.CPUTime), zap.Duration("waiting", u.WaitingTime), zap.Uint64("fuel", u.Fuel),
		zap.Uint64("peak_memory_bytes", u.PeakMemoryBytes), zap.Uint64("log_bytes", u.LogBytes))
}
