package runner

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/wasihttp"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/pipes"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// Config is what a Runner works with. Every field but Hooks, TraceHTTP and OpenOutput is required.
type Config struct {
	Log      *zap.Logger
	Store    store.Store
	Executor *executor.Executor
	// Load loads a module. The caller releases it.
	Load func(context.Context, store.Digest) (abi.Program, error)
	// Freeing returns how much memory of ended guests is not free yet, in bytes. Kick is called when it is free.
	Freeing func() int64
	// Watched reports whether a client watches for changes. If not, commits may be delayed to be fewer.
	Watched func() bool
	// Outage returns why the store can't be written to for now, or nil. It must not block.
	Outage func() error
	Host   attempt.Host
	Hooks  hooks.Hooks
	// TraceHTTP returns what follows the HTTP requests of an attempt, and OpenOutput what gets a copy of its output.
	TraceHTTP  func(hooks.Event) wasihttp.Tracer
	OpenOutput func(hooks.Source) hooks.Output
	Schedule   schedule.Config
}

// Runner runs the workloads that have not ended.
type Runner struct {
	cfg        Config
	since      time.Time       // the start
	ctx        context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup // dispatcher, finisher, loads
	wake       notify.Signal  // to the dispatcher
	finished   *mailbox[finished]
	pipes      *pipes.Pipes

	// mu guards the fields below, and those of each workload that say so. It is taken on workers and on the
	// store's goroutine, so it is held briefly, and nothing that may wait is called while it is held.
	mu         sync.Mutex
	live       map[string]*workload // every workload that has not ended
	all        []*workload          // the same workloads, to walk over
	sched      *scheduler
	submitting map[string]decoded // submissions with a place, by id; two with the same id share an entry
	services   int                // that have an attempt
	idle       notify.Broadcast   // told when no workload has an attempt, or services alone
	totals     Totals
}

// Totals count since the start.
type Totals struct{ Submitted, Succeeded, Failed, Cancelled uint64 }

// count counts an end.
func (t *Totals) count(state api.State) {
	switch state {
	case api.Succeeded:
		t.Succeeded++
	case api.Failed:
		t.Failed++
	case api.Cancelled:
		t.Cancelled++
	}
}

// New returns a Runner without workloads, which starts none until Start.
func New(cfg Config) *Runner {
	r := &Runner{
		cfg:        cfg,
		since:      time.Now(),
		wake:       notify.NewSignal(),
		finished:   newMailbox[finished](),
		live:       map[string]*workload{},
		sched:      schedule.New[*workload, loaded](cfg.Schedule),
		submitting: map[string]decoded{},
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.pipes = pipes.New(pipes.Config{Look: r.standing, Patience: partnerPatience})
	return r
}

// Start starts the Runner's goroutines.
func (r *Runner) Start() {
	r.background.Go(r.dispatch)
	r.background.Go(r.finisher)
}

// Close ends the Runner's goroutines and waits for them. What still runs is abandoned.
func (r *Runner) Close() {
	r.stop()
	r.pipes.Close()
	r.finished.close()
	r.background.Wait()
}

// Stats counts workloads.
type Stats struct {
	Totals
	Live         int           // started and not ended
	Pending      int           // waiting to be started
	Delayed      Delayed       // those that a trouble of the host keeps from being started
	PendingBytes int64         // the size of those of Pending
	Oldest       time.Duration // how long the one of Pending has waited that has waited for longest, whatever for
	TakenBytes   int64         // PendingBytes, and the places of submissions
	Submitting   int           // submissions with a place
}

// Delayed counts workloads by what they wait for.
type Delayed [retry.Troubles]int

// Stats returns the counts.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Totals: r.totals,
		Live:   r.sched.Live(), Pending: r.sched.Pending(), Delayed: r.delayed(),
		PendingBytes: r.sched.PendingBytes(), Oldest: r.oldest(), TakenBytes: r.sched.Taken(), Submitting: len(r.submitting),
	}
}

// delayed counts workloads by what they wait for. mu is held.
func (r *Runner) delayed() (d Delayed) {
	for t := range d {
		d[t] = r.sched.Waiting(retry.Trouble(t)) //nolint:gosec // there are few
	}
	return d
}

// Waiting returns how many workloads have met a trouble of the host and have not started since.
func (r *Runner) Waiting(t retry.Trouble) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Waiting(t)
}

// add adds a workload, and queues it. mu is held.
func (r *Runner) add(tenant string, w *workload) {
	w.queued = r.moment()
	w.index = len(r.all)
	r.all = append(r.all, w)
	r.live[w.id] = w
	r.sched.Add(tenant, &w.entry)
}

// momentLength is what moments are counted in: fine enough for ages, and 13 years have room in 32 bits.
const momentLength = 100 * time.Millisecond

// moment is the time since the start, in momentLength.
func (r *Runner) moment() uint32 { return uint32(time.Since(r.since) / momentLength) } //nolint:gosec // 13 years

// oldest returns how long the workload has waited that has waited for longest to be started, or zero. mu is held.
func (r *Runner) oldest() time.Duration {
	e := r.sched.Oldest()
	if e == nil {
		return 0
	}
	return time.Duration(r.moment()-e.Value.queued) * momentLength
}

// remove removes a workload that has ended. mu is held.
func (r *Runner) remove(w *workload) {
	delete(r.live, w.id)
	last := len(r.all) - 1
	r.all[w.index] = r.all[last]
	r.all[w.index].index = w.index
	r.all[last] = nil
	r.all = r.all[:last]
}
