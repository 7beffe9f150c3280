package runner

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/hooks"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

// Config is what a Runner works with. Every field but Hooks is required.
type Config struct {
	Log      *zap.Logger
	Store    store.Store
	Executor *executor.Executor
	// Load loads a module. The caller releases it.
	Load func(context.Context, store.Digest) (abi.Program, error)
	// Freeing is memory that belongs to no guest any more and is not free yet, in bytes. The Runner is kicked
	// when it is free.
	Freeing func() int64
	// Watched tells whether somebody watches for changes, so that they are not delayed to save commits.
	Watched  func() bool
	Host     attempt.Host
	Hooks    hooks.Hooks
	Schedule schedule.Config
}

// Runner runs workloads, from when they are in the store until their ends are.
type Runner struct {
	cfg        Config
	ctx        context.Context // ends with Close
	stop       context.CancelFunc
	background sync.WaitGroup // dispatcher, finisher, loads
	wake       notify.Signal  // to the dispatcher
	finished   *mailbox[finished]

	// mu guards what follows, and of each workload what its type says. It is held for short stretches only,
	// and while it is held neither the store nor the engine is called for anything that could wait. It is
	// taken on workers and on the store's goroutine.
	mu         sync.Mutex
	live       map[string]*workload // every workload that has not ended
	all        []*workload          // the same, for going through them
	sched      *scheduler           // what is started when
	submitting map[string]decoded   // by id, those submissions under way that have a place; two with one id share an entry
	idle       notify.Broadcast     // tells that no workload has an attempt
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

// New returns a Runner that has nothing and does nothing until Start.
func New(cfg Config) *Runner {
	r := &Runner{
		cfg:        cfg,
		wake:       notify.NewSignal(),
		finished:   newMailbox[finished](),
		live:       map[string]*workload{},
		sched:      schedule.New[*workload, loaded](cfg.Schedule),
		submitting: map[string]decoded{},
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	return r
}

// Start begins to start workloads.
func (r *Runner) Start() {
	r.background.Go(r.dispatch)
	r.background.Go(r.finisher)
}

// Close ends the Runner's goroutines, and waits for them. Nothing runs any more, or is left.
func (r *Runner) Close() {
	r.stop()
	r.finished.close()
	r.background.Wait()
}

// Stats is how many workloads there are, and what they count.
type Stats struct {
	Totals
	Live         int   // started, and not ended
	Pending      int   // wait to be started
	Delayed      int   // of those, wait for a trouble of the host to pass
	PendingBytes int64 // what those pending count
	TakenBytes   int64 // that, and what submissions under way count
	Submitting   int   // submissions under way
}

// Stats tells what there is.
func (r *Runner) Stats() Stats {
	r.mu.Lock()
	defer r.mu.Unlock()
	return Stats{
		Totals: r.totals,
		Live:   r.sched.Live(), Pending: r.sched.Pending(), Delayed: r.sched.Delayed(),
		PendingBytes: r.sched.PendingBytes(), TakenBytes: r.sched.Taken(), Submitting: len(r.submitting),
	}
}

// Waiting is how many workloads have met a trouble of the host, and have not begun since.
func (r *Runner) Waiting(t retry.Trouble) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sched.Waiting(t)
}

// add adds a workload to those that have not ended; mu is held.
func (r *Runner) add(tenant string, w *workload) {
	w.index = len(r.all)
	r.all = append(r.all, w)
	r.live[w.id] = w
	r.sched.Add(tenant, &w.entry)
}

// remove takes a workload out of memory; mu is held.
func (r *Runner) remove(w *workload) {
	delete(r.live, w.id)
	last := len(r.all) - 1
	r.all[w.index] = r.all[last]
	r.all[w.index].index = w.index
	r.all[last] = nil
	r.all = r.all[:last]
}
