package reactor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
	"github.com/reactord/reactord/hostcalls/network"
	hostnet "github.com/reactord/reactord/hostcalls/network/host"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/calls"
	"github.com/reactord/reactord/reactor/internal/cancel"
	"github.com/reactord/reactord/reactor/internal/crash"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/modules"
	"github.com/reactord/reactord/reactor/internal/observe"
	"github.com/reactord/reactord/reactor/internal/permit"
	"github.com/reactord/reactord/reactor/internal/process"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/revoke"
	"github.com/reactord/reactord/reactor/internal/runner"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/internal/snapshots"
	"github.com/reactord/reactord/reactor/internal/submission"
	"github.com/reactord/reactord/reactor/store"
)

const (
	// logAge is how long output waits in memory to be stored with other output.
	logAge = time.Second
	// feedChanges is how many changes are kept in memory for watches.
	feedChanges = 4096
	// maxLoading bounds the modules that are loaded at a time for one tenant. Its queue waits for the others.
	maxLoading = 64
	// moduleGrace is how long a module that was just pushed is kept when others need its room.
	moduleGrace = 10 * time.Second
	// memoryPatience is how long a workload that waits for memory lets others pass.
	memoryPatience = 5 * time.Second
)

// Reactor runs workloads. Make one with New, end it with Shutdown.
type Reactor struct {
	cfg    Config // as it was at the start
	log    *zap.Logger
	since  time.Time
	former time.Time // when a former daemon last recorded anything; zero if none did

	// The parts. Those below use those above.
	store     store.Store
	engine    *engine.Engine
	modules   *modules.Registry
	executor  *executor.Executor
	spool     *logbuf.Spool
	runner    *runner.Runner
	feed      *feed.Feed[*observe.Change]
	observer  *observe.Observer
	submitter *submission.Pipeline
	canceller *cancel.Canceller
	revoker   *revoke.Revoker
	journal   *crash.File
	permit    *permit.Permit
	equipment equip.Host
	snapshots *snapshots.Maker
	calls     *calls.Caller

	current atomic.Pointer[Config] // as Reconfigure has changed it

	descriptors *hostcalls.Budget // of the process, what guests may hold
	shortage    *shortage
	memory      process.MemoryReader

	ctx        context.Context // ends with Shutdown: for what the reactor does on its own account
	stop       context.CancelFunc
	background sync.WaitGroup // the pruner, the trials
	pressure   notify.Signal  // to the pruner

	unwritable        atomic.Pointer[error] // why the database can't be written to, or nil
	modulesUnwritable atomic.Bool
	disk              *process.DiskReader
}

// New opens a store, takes up the workloads that an earlier reactor left unfinished in it, and starts to run workloads.
// Shutdown closes the store.
func New(cfg Config, openStore store.Opener) (*Reactor, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	r := &Reactor{
		cfg: cfg, log: cfg.Logger, since: time.Now(),
		journal:  crash.NewFile(cfg.DataDir),
		pressure: notify.NewSignal(),
		disk:     process.NewDiskReader(cfg.DataDir),
	}
	r.current.Store(&cfg)
	r.ctx, r.stop = context.WithCancel(context.Background())
	if err := r.open(openStore); err != nil {
		return nil, errors.Join(err, r.close(r.ctx))
	}
	return r, nil
}

// CompilerMain is the main function of the process that Config.Compiler starts.
func CompilerMain(args []string, in io.Reader, out io.Writer) error {
	return engine.CompilerMain(args, in, out)
}

// open opens the parts, takes up what is unfinished, and starts.
func (r *Reactor) open(openStore store.Opener) (err error) {
	// The store comes first: its lock tells which other process has the data directory.
	if r.cfg.StoreBytes, err = r.cfg.storeBytes(); err != nil {
		return fmt.Errorf("the size of the disk: %w", err)
	}
	if r.store, err = openStore(r.ctx, store.Options{
		Observer: r.onCommit, OnPressed: r.onPressed, OnOutage: r.onOutage, OnCommitted: r.cfg.OnCommitted,
		ModuleBytes: r.cfg.ModuleStoreBytes, DatabaseBytes: r.cfg.StoreBytes,
	}); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	r.former = r.lastChange()
	mounts := vfs.NewMounts()
	if r.permit, err = permit.New(r.cfg.Allow, append([]string{r.cfg.DataDir}, r.cfg.Private...), r.cfg.OwnAddresses, mounts); err != nil {
		return err
	}
	if err := r.openModules(); err != nil {
		return err
	}
	if err := r.openRunner(mounts); err != nil {
		return err
	}
	r.openObserver()
	r.snapshots = snapshots.New(snapshots.Config{
		Modules: r.modules, Executor: r.executor, Budget: r.descriptors, Parsing: r.parsing(),
		MaxBytes: int(r.cfg.MaxModuleBytes), Limits: r.sandboxLimits,
	})
	r.calls = calls.New(calls.Config{
		Modules: r.modules, Executor: r.executor, Host: r.equipment, Authorize: r.permit.Check,
		Budget: r.descriptors, Mounts: mounts, Limits: r.submissionLimits, Memory: r.callMemory(),
	})
	r.submitter = &submission.Pipeline{
		Modules: r.modules, Queue: r.runner, Store: r.store, Limits: r.submissionLimits,
		MemoryBytes: r.cfg.MemoryBytes, Authorize: r.permit.Check, AuthorizeSecret: r.permit.CheckSecret, Awaits: r.runner.PipeAwaits,
	}
	r.canceller = &cancel.Canceller{Workloads: r.runner, Store: r.store, Await: r.observer.Await, Patience: cancel.Patience}
	r.revoker = &revoke.Revoker{Workloads: r.runner, Store: r.store, Await: r.observer.Await}
	return r.start()
}

// openModules opens what compiles and keeps modules.
func (r *Reactor) openModules() error {
	abis, err := abi.NewSet(r.cfg.ABIs...)
	if err != nil {
		return fmt.Errorf("ABIs: %w", err)
	}
	r.engine, err = engine.New(r.ctx, engine.Config{
		CacheDir:   filepath.Join(r.cfg.DataDir, "cache"),
		CacheBytes: r.cfg.CompileCacheBytes,

		OnCacheTrouble: r.onCacheTrouble,
		OnDataCopied:   r.onDataCopied,
		Compilers:      r.cfg.Compilers,
		CompileBytes:   r.cfg.CompileMemoryBytes,
		Compiler:       r.cfg.Compiler,
		IdleModules:    r.cfg.IdleModules,
		ModuleBytes:    r.cfg.ModuleMemoryBytes,
		MemoryBytes:    r.cfg.MemoryBytes + int64(r.cfg.DefaultLimits.MemoryBytes) + r.callMemory(), // of workloads, of a sandbox, and of calls
		OnReclaimed:    func() { r.runner.Kick() },
		Limits:         r.parsing(),
	})
	if err != nil {
		return err
	}
	if err := abis.Define(r.ctx, r.engine); err != nil {
		return fmt.Errorf("host functions: %w", err)
	}
	r.modules = modules.New(modules.Config{
		Store: r.store, Engine: r.engine, ABIs: abis, Reading: r.readingMany, OnDamaged: r.onDamaged,
		OnPruned: r.onPruned, Grace: moduleGrace, Admits: r.cfg.AdmitSigner,
		OnStored: func(digest store.Digest) { r.runner.OnModuleStored(digest) },
		MaxBytes: uint64(r.cfg.MaxModuleBytes), MaxMemoryBytes: r.maxGuestMemory,
	})
	return nil
}

// callMemory returns the bytes that the guests of calls may have together, beside those of workloads.
func (r *Reactor) callMemory() int64 { return r.cfg.MemoryBytes / 8 }

// parsing are the limits of modules.
func (r *Reactor) parsing() meter.Limits {
	return meter.Limits{
		ModuleBytes: int(r.cfg.MaxModuleBytes), Functions: r.cfg.MaxModuleFunctions,
		FunctionBytes: int(r.cfg.MaxFunctionBytes), TableElements: r.cfg.MaxTableElements,
	}
}

// openRunner opens what runs workloads.
func (r *Reactor) openRunner(mounts *vfs.Mounts) (err error) {
	r.feed = feed.New[*observe.Change](feedChanges, r.store.Revision())
	r.spool = logbuf.NewSpool(logbuf.Config{
		Store: r.store, Bytes: r.cfg.LogMemoryBytes, Age: logAge,
		OnFailed: func(id string, err error) {
			r.log.Error("output was not stored", zap.String("workload", id), zap.Error(err))
		},
		OnDropping: r.onDropping,
	})
	r.executor, err = executor.New(executor.Config{
		Workers: r.cfg.Workers, Quantum: r.cfg.Quantum,
		Driver: driver.Config{BlockingThreads: r.cfg.BlockingThreads, SystemTimer: true},
	})
	if err != nil {
		return err
	}
	r.equipment = equip.Host{
		Driver: r.executor.Driver(), Permit: r.permit, Stack: hostnet.New(r.executor.Driver()), Peers: network.NewPeers(), Offers: link.NewOffers(),
		Totals: &equip.Totals{},
	}
	r.descriptors = hostcalls.NewBudget(process.Descriptors() / 4 * 3)
	r.shortage = newShortage(r.log, r.descriptors)
	r.runner = runner.New(runner.Config{
		Log: r.log, Store: r.store, Executor: r.executor, Load: r.modules.Load, Freeing: r.engine.MemoryFreeing,
		Watched: r.feed.Active, Outage: r.outage, Hooks: r.cfg.Hooks, TraceHTTP: r.cfg.TraceHTTP, OpenOutput: r.cfg.OpenOutput,
		Host: attempt.Host{Host: r.equipment, Spool: r.spool, Descriptors: r.descriptors, Mounts: mounts},
		Schedule: schedule.Config{
			Starting: r.cfg.Starting, Live: r.cfg.MaxLive, Loading: maxLoading,
			Pending: r.cfg.MaxPending, Bytes: r.cfg.MaxPendingBytes,
			Memory: r.cfg.MemoryBytes, Patience: memoryPatience,
		},
	})
	return nil
}

// openObserver opens what shows workloads to clients.
func (r *Reactor) openObserver() {
	r.observer = &observe.Observer{
		Streams: observe.NewStreams(), Workloads: r.runner, Store: r.store, Feed: r.feed,
		Reading: r.readingMany, OnDamaged: r.onDamaged,
	}
}

// start takes up the workloads that an earlier reactor left unfinished, those apart that may have killed it, and starts
// the background goroutines.
func (r *Reactor) start() error {
	trials := crash.NewTrials(r.journal, r.runner, r.log, r.cfg.CrashLimit)
	if err := r.runner.Recover(r.ctx, func(p *store.Place) { trials.Add(left(p)) }); err != nil {
		return err
	}
	trials.Judge()
	r.runner.Start()
	r.background.Go(r.prune)
	r.background.Go(func() { r.shortage.run(r.ctx) })
	r.background.Go(func() { trials.Run(r.ctx) })
	return nil
}

// left is an unfinished workload of an earlier reactor. If its status can't be read it counts as started long ago.
func left(p *store.Place) crash.Found {
	f := crash.Found{ID: p.ID, Running: p.Interrupted}
	if status, err := record.DecodeStatus(&store.Workload{ID: p.ID, Status: p.Status}); err == nil && f.Running {
		f.Started = status.StartTime
	}
	return f
}

// onCommit is called for every commit, before those who asked for it are told. It queues what was submitted, and
// publishes the changes to watches.
func (r *Reactor) onCommit(changes []store.Change) {
	if len(changes) == 0 {
		return
	}
	var entries []feed.Entry[*observe.Change]
	var onChange func(*store.Change, *store.Workload)
	if r.feed.Active() {
		entries = make([]feed.Entry[*observe.Change], 0, len(changes))
		onChange = func(c *store.Change, rec *store.Workload) {
			entries = append(entries, feed.Entry[*observe.Change]{Revision: c.Revision, Change: observe.NewChange(c, rec)})
		}
	}
	r.runner.OnCommit(changes, onChange)
	r.feed.Publish(changes[len(changes)-1].Revision, entries)
}

// readingMany waits until many records may be read for a client.
func (r *Reactor) readingMany(ctx context.Context) (done func(), err error) {
	return r.cfg.Reading(ctx, ReadMany)
}

// onDamaged logs a record that can't be read and is left out of an answer.
func (r *Reactor) onDamaged(err error) {
	r.log.Error("a record can't be read", zap.Error(err))
}

// onDataCopied logs that data is not mapped. A guest may call it, and must not wait for the log.
func (r *Reactor) onDataCopied(why error) {
	go r.log.Warn("data of modules is copied into guests", zap.Error(why))
}

// onCacheTrouble logs when the compile cache can't be written, and when it can again.
func (r *Reactor) onCacheTrouble(err error) {
	if err != nil {
		r.log.Warn("the compile cache can't be written: modules are compiled anew each time, or wait", zap.Error(err))
		return
	}
	r.log.Info("the compile cache can be written again")
}
