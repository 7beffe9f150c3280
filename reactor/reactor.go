package reactor

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/crash"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/intake"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/modules"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/permit"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/store"
)

const (
	logAge      = time.Second
	feedChanges = 4096
	claimBatch  = 1000
)

// Reactor runs workloads. Make one with New, end it with Shutdown.
type Reactor struct {
	cfg      Config
	bounds   intake.Bounds // of what is submitted
	grants   *permit.Permit
	log      *zap.Logger
	since    time.Time
	former   time.Time // when a former daemon last recorded anything; zero if none did
	store    store.Store
	engine   *engine.Engine
	abis     *abi.Set
	executor *executor.Executor
	spool    *logbuf.Spool
	feed     *feed.Feed[*observe.Change]
	observer *observe.Observer
	modules  *modules.Registry
	plan     crash.Plan // of this start; set by judge
	finished *mailbox[finished]
	journal  *crash.File

	// descriptors bounds what guests hold of the process's file descriptors, or one that opens
	// many files could keep clients from connecting.
	descriptors *hostcalls.Budget
	mounts      *vfs.Mounts // which file systems the guests' folders are on

	ctx        context.Context // ends with Shutdown: for what the reactor does on its own account
	stop       context.CancelFunc
	background sync.WaitGroup // dispatcher, finisher, pruner, loads
	wake       notify.Signal  // to the dispatcher
	pressure   notify.Signal  // to the pruner
	quiet      chan struct{}  // closed when nothing runs any more and nothing will

	// mu guards the rest, and what a workload says it guards. It is held for short stretches
	// only, and while it is held neither the store nor the engine is called for anything that
	// could wait. It is taken on workers and on the store's goroutine.
	mu         sync.Mutex
	live       map[string]*workload // every workload that has not ended
	all        []*workload          // the same, for going through them
	sched      *scheduler           // what is started when
	submitting map[string]decoded   // by id, those submissions under way that have a place; two with one id share an entry
	idle       chan struct{}        // closed when nothing is live; nil if nobody waits
	streams    int                  // watches and the like under way
	silent     chan struct{}        // closed when streams is zero; nil if nobody waits
	totals     totals
}

// totals count since the start.
type totals struct{ submitted, succeeded, failed, cancelled uint64 }

// New opens its store, takes up what an earlier reactor left unfinished in it, and starts to run
// workloads. Shutdown closes the store.
func New(cfg Config, openStore store.Opener) (*Reactor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	abis, err := abi.NewSet(cfg.ABIs...)
	if err != nil {
		return nil, fmt.Errorf("ABIs: %w", err)
	}
	mounts := vfs.NewMounts()
	grants, err := permit.New(cfg.Allow, append([]string{cfg.DataDir}, cfg.Private...), mounts)
	if err != nil {
		return nil, err
	}
	r := &Reactor{
		grants: grants,
		abis:   abis,
		cfg:    cfg, bounds: cfg.bounds(), log: cfg.Logger, since: time.Now(),
		finished:    newMailbox[finished](),
		journal:     crash.NewFile(cfg.DataDir),
		descriptors: hostcalls.NewBudget(process.Descriptors() / 4 * 3),
		mounts:      mounts,
		wake:        notify.NewSignal(),
		pressure:    notify.NewSignal(),
		quiet:       make(chan struct{}),
		live:        map[string]*workload{},
		sched:       newScheduler(&cfg),
		submitting:  map[string]decoded{},
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	if err := r.open(openStore); err != nil {
		return nil, errors.Join(err, r.close(r.ctx))
	}
	r.background.Go(r.dispatch)
	r.background.Go(r.finisher)
	r.background.Go(r.prune)
	r.background.Go(r.tryApart)
	return r, nil
}

// CompilerMain is the whole of the process that Config.Compiler starts.
func CompilerMain(args []string, in io.Reader, out io.Writer) error {
	return engine.CompilerMain(args, in, out)
}

// open opens the parts, and takes up what is unfinished.
func (r *Reactor) open(openStore store.Opener) (err error) {
	// The store comes first: its lock tells who else has the data folder.
	if r.cfg.StoreBytes, err = r.cfg.storeBytes(); err != nil {
		return fmt.Errorf("the size of the disk: %w", err)
	}
	if r.store, err = openStore(r.ctx, store.Options{
		Observer: r.onCommit, OnPressed: r.onPressed, OnOutage: r.onOutage,
		ModuleBytes: r.cfg.ModuleStoreBytes, DatabaseBytes: r.cfg.StoreBytes,
	}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	r.former = r.lastChange()
	r.engine, err = engine.New(r.ctx, engine.Config{
		CacheDir:   filepath.Join(r.cfg.DataDir, "cache"),
		CacheBytes: r.cfg.CompileCacheBytes,

		OnCacheTrouble: r.onCacheTrouble,
		Compilers:      r.cfg.Compilers,
		CompileBytes:   r.cfg.CompileMemoryBytes,
		Compiler:       r.cfg.Compiler,
		IdleModules:    r.cfg.IdleModules,
		ModuleBytes:    r.cfg.ModuleMemoryBytes,
		MemoryBytes:    r.cfg.MemoryBytes,
		OnReclaimed:    r.kick,
		Limits: meter.Limits{
			ModuleBytes: int(r.cfg.MaxModuleBytes), Functions: r.cfg.MaxModuleFunctions,
			FunctionBytes: int(r.cfg.MaxFunctionBytes), TableElements: r.cfg.MaxTableElements,
		},
	})
	if err != nil {
		return err
	}
	if err := r.abis.Define(r.ctx, r.engine); err != nil {
		return fmt.Errorf("host functions: %w", err)
	}
	r.modules = modules.New(modules.Config{
		Store: r.store, Engine: r.engine, ABIs: r.abis, Reading: r.readingMany, OnDamaged: r.onDamaged, OnStored: r.onModuleStored,
		MaxBytes: uint64(r.cfg.MaxModuleBytes), MaxMemoryBytes: min(uint64(r.cfg.MemoryBytes), r.cfg.MaxLimits.MemoryBytes),
	})
	r.feed = feed.New[*observe.Change](feedChanges, r.store.Revision())
	r.observer = &observe.Observer{
		Store: r.store, Feed: r.feed, Log: r.currentLog, Port: r.currentPort, OnDamaged: r.onDamaged, Quiet: r.quiet,
		Reading: r.readingMany,
	}
	r.spool = logbuf.NewSpool(logbuf.Config{
		Store: r.store, Bytes: r.cfg.LogMemoryBytes, Age: logAge,
		OnFailed: func(id string, err error) {
			r.log.Error("output was not stored", zap.String("workload", id), zap.Error(err))
		},
		OnDropping: r.onDropping,
	})
	r.executor, err = executor.New(executor.Config{
		Workers: r.cfg.Workers, Quantum: r.cfg.Quantum,
		Driver: driver.Config{BlockingThreads: r.cfg.BlockingThreads},
	})
	if err != nil {
		return err
	}
	return r.recover()
}

// readingMany waits until many records may be read for a client.
func (r *Reactor) readingMany(ctx context.Context) (done func(), err error) {
	return r.cfg.Reading(ctx, ReadMany)
}

// onCacheTrouble logs when the compile cache can't be written, and when it can again.
func (r *Reactor) onCacheTrouble(err error) {
	if err != nil {
		r.log.Warn("the compile cache can't be written: modules are compiled anew each time, or wait", zap.Error(err))
		return
	}
	r.log.Info("the compile cache can be written again")
}

// recover queues what an earlier reactor left unfinished, in the order in which it was submitted.
func (r *Reactor) recover() error {
	count := 0
	left := r.newLeftovers()
	for {
		n, err := r.claim(left)
		if err != nil {
			return fmt.Errorf("unfinished workloads: %w", err)
		}
		if n == 0 {
			break
		}
		count += n
	}
	if count > 0 {
		r.log.Info("took up unfinished workloads", zap.Int("count", count))
	}
	r.judge(left)
	return nil
}

// The lengths of the queue up to which specs wait in it decoded, and records wait in it at all; and the
// bytes of what waits up to which they do.
const (
	keepDecoded = 1024
	keepWhole   = 4096
	keepBytes   = 8 << 20
)

// claim queues some of what an earlier reactor left unfinished, and returns how many there were.
func (r *Reactor) claim(left *leftovers) (n int, err error) {
	r.mu.Lock()
	whole := r.keepsWhole()
	r.mu.Unlock()
	var claimed store.Claimed
	var places store.ClaimedPlaces
	if whole {
		claimed, err = r.store.Claim(r.ctx, claimBatch)
		places = claimed.Places()
	} else {
		places, err = r.store.ClaimPlaces(r.ctx, claimBatch)
	}
	if err != nil {
		return 0, err
	}
	for _, corrupt := range places.Corrupt {
		r.log.Error("a workload can't be taken up", zap.Error(corrupt))
	}
	r.mu.Lock()
	for i := range places.Places {
		left.add(&places.Places[i])
		if whole {
			r.admit(claimed.Workloads[i])
		} else {
			r.queueUp(places.Places[i].Tenant, newWorkload(&places.Places[i]))
		}
	}
	r.mu.Unlock()
	r.onTakenUp(places.Places)
	return len(places.Places) + len(places.Corrupt), nil
}

// keepsWhole tells whether the record of the next in the queue is kept; mu is held.
func (r *Reactor) keepsWhole() bool {
	return r.sched.Pending() < keepWhole && r.sched.PendingBytes() < keepBytes
}

// admit queues the workload of a record; mu is held.
func (r *Reactor) admit(rec *store.Workload) {
	place := store.PlaceOf(rec)
	w := newWorkload(&place)
	if r.keepsWhole() {
		w.rec, w.status = record.Slim(rec), nil
		if d := r.submitting[rec.ID]; d.spec != nil && r.sched.Pending() < keepDecoded && bytes.Equal(d.encoded, w.rec.Spec) {
			w.spec = d.spec
		}
	}
	r.queueUp(place.Tenant, w)
}

// queueUp queues a workload; mu is held.
func (r *Reactor) queueUp(tenant string, w *workload) {
	w.index = len(r.all)
	r.all = append(r.all, w)
	r.live[w.id] = w
	r.sched.Add(tenant, &w.entry)
}

// onCommit is told of every commit, before those who asked for it. It queues what was submitted,
// even if the submitter has gone, and publishes the changes.
func (r *Reactor) onCommit(changes []store.Change) {
	if len(changes) == 0 {
		return
	}
	var entries []feed.Entry[*observe.Change]
	if r.feed.Active() {
		entries = make([]feed.Entry[*observe.Change], 0, len(changes))
	}
	for some := range slices.Chunk(changes, observeChunk) {
		entries = r.takeUp(some, entries)
	}
	r.kick()
	r.feed.Publish(changes[len(changes)-1].Revision, entries)
	r.onSubmitted(changes)
}

// observeChunk bounds for how long mu is held for a large commit.
const observeChunk = 256

// takeUp queues what was submitted, and appends the changes to entries unless that is nil.
func (r *Reactor) takeUp(changes []store.Change, entries []feed.Entry[*observe.Change]) []feed.Entry[*observe.Change] {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range changes {
		c := &changes[i]
		if c.Created != nil {
			r.admit(c.Created)
			r.totals.submitted++
		}
		if w := r.live[c.ID]; w != nil && entries != nil {
			entries = append(entries, feed.Entry[*observe.Change]{Revision: c.Revision, Change: observe.NewChange(c, w.rec)})
		}
	}
	return entries
}

// count counts an end; mu is held.
func (r *Reactor) count(state api.State) {
	switch state {
	case api.Succeeded:
		r.totals.succeeded++
	case api.Failed:
		r.totals.failed++
	case api.Cancelled:
		r.totals.cancelled++
	}
}
