package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"go.uber.org/zap"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/schedule"
	"github.com/reactord/reactord/reactor/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// ample is a schedule that holds nothing up.
var ample = schedule.Config{Starting: 100, Live: 1000, Loading: 10, Pending: 10_000, Bytes: 1 << 30}

// disk is a store of workloads. It commits on goroutines of its own, in order, unless it is held.
type disk struct {
	store.Store // what is not faked

	turn    chan struct{} // of who commits
	mu      sync.Mutex
	asked   []func() // transitions that are not committed
	records map[string]*store.Workload
	history []string // the states that were committed
	refused error    // transitions are
	left    []*store.Workload
	claims  []int  // how many places each claim gave; below zero: without records
	onRead  func() // called, unless nil, when a record is read
}

// hold keeps everything from being committed until release.
func (d *disk) hold()    { d.turn <- struct{}{} }
func (d *disk) release() { <-d.turn }

func (d *disk) Transition(t store.Transition, done func(int64, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, func() { done(0, d.apply(&t)) })
	go func() {
		d.hold()
		defer d.release()
		d.mu.Lock()
		commit := d.asked[0]
		d.asked = d.asked[1:]
		d.mu.Unlock()
		commit()
	}()
}

func (d *disk) apply(t *store.Transition) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	rec := *d.records[t.ID]
	attempts, err := t.Apply(rec.State, rec.Attempts)
	if t.To.Finished() && d.refused != nil {
		err = d.refused
	}
	if err == nil {
		rec.State, rec.Attempts, rec.Status = t.To, attempts, t.Status
		d.records[t.ID] = &rec
		d.history = append(d.history, fmt.Sprint(t.ID, " ", t.To))
	}
	return err
}

func (d *disk) Workload(_ context.Context, id string) (*store.Workload, error) {
	if d.onRead != nil {
		d.onRead()
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if rec := d.records[id]; rec != nil {
		return rec, nil
	}
	return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
}

func (d *disk) TailLog(context.Context, string, store.Streams, int, store.Cut) (begin, end int64, err error) {
	return 0, 0, nil
}

func (d *disk) AppendLog(_ store.LogAppend, done func(error)) { go done(nil) }

// take takes the first of what an earlier daemon left.
func (d *disk) take(limit int) []*store.Workload {
	taken := d.left[:min(limit, len(d.left))]
	d.left = d.left[len(taken):]
	return taken
}

func (d *disk) Claim(_ context.Context, limit int) (store.Claimed, error) {
	taken := d.take(limit)
	d.claims = append(d.claims, len(taken))
	return store.Claimed{Workloads: taken}, d.refused
}

func (d *disk) ClaimPlaces(_ context.Context, limit int) (found store.ClaimedPlaces, err error) {
	for _, rec := range d.take(limit) {
		found.Places = append(found.Places, store.PlaceOf(rec))
	}
	d.claims = append(d.claims, -len(found.Places))
	return found, d.refused
}

// program is an abi.Program whose processes do what the test says.
type program struct {
	abi.Program // what is not faked

	run run
}

// run is what a process does.
type run func(f *executor.Fiber, cfg *abi.Config) error

func (p *program) StartBytes() int64 { return 0 }
func (p *program) Release()          {}
func (p *program) NewProcess(cfg *abi.Config) (abi.Process, error) {
	return &process{run: p.run, config: cfg}, nil
}

type process struct {
	abi.Process // what is not faked

	run    run
	config *abi.Config
	err    error
}

func (p *process) Turn(f *executor.Fiber) (executor.Next, bool) {
	p.err = p.run(f, p.config)
	return executor.End(), true
}

// AppendOps returns a wait for connections if an argument says so.
func (p *process) AppendOps(ops []hostcalls.Op) []hostcalls.Op {
	if slices.Contains(p.config.Args, "accepts") {
		ops = append(ops, hostcalls.Op{Kind: hostcalls.OpAccept})
	}
	return ops
}

func (p *process) Result() (abi.Exit, error)                        { return abi.Exit{}, p.err }
func (p *process) Refusal() *abi.Refusal                            { return nil }
func (p *process) PeakMemory() int64                                { return 0 }
func (p *process) ListenAddresses() []string                        { return nil }
func (p *process) Waits() ([]hostcalls.WaitUsage, hostcalls.OpKind) { return nil, 0 }

// parks begins, and waits until it is woken or ended.
func parks(f *executor.Fiber, cfg *abi.Config) error {
	cfg.OnStart()
	return f.Park()
}

// hello is the module of all workloads.
var hello = store.DigestOf([]byte("hello"))

// fixture is a Runner over fakes and a real executor.
type fixture struct {
	*testing.T
	*Runner
	disk   *disk
	load   func() (abi.Program, error)
	outage error // of the store
}

// in runs a test in a bubble of virtual time. All workloads run run.
func in(t *testing.T, run run, test func(f *fixture)) {
	t.Helper()
	inBounds(t, ample, run, test)
}

// inBounds is in with bounds for the scheduler.
func inBounds(t *testing.T, bounds schedule.Config, run run, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := executor.New(executor.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		f := &fixture{T: t, disk: &disk{turn: make(chan struct{}, 1), records: map[string]*store.Workload{}}}
		f.load = func() (abi.Program, error) { return &program{run: run}, nil }
		spool := logbuf.NewSpool(logbuf.Config{Store: f.disk, Bytes: 1 << 20, Age: time.Second})
		f.Runner = New(Config{
			Log: zap.NewNop(), Store: f.disk, Executor: e, Schedule: bounds,
			Load:    func(context.Context, store.Digest) (abi.Program, error) { return f.load() },
			Freeing: func() int64 { return 0 }, Watched: func() bool { return false }, Outage: func() error { return f.outage },
			Host: attempt.Host{Host: equip.Host{Driver: e.Driver()}, Spool: spool},
		})
		test(f)
		f.DrainForGood()
		if err := f.Unwind(context.Background(), time.Minute); err != nil {
			t.Errorf("Unwind: %v", err)
		}
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		f.Close()
		spool.Close()
		synctest.Wait()
	})
}

// submit takes a place for a workload, stores it and queues it, and returns what is closed by its next change.
func (f *fixture) submit(id string, change ...func(*api.Spec)) <-chan struct{} {
	f.Helper()
	spec := &api.Spec{}
	for _, c := range change {
		c(spec)
	}
	size, err := f.Reserve(f.record(id, spec), spec)
	if err != nil {
		f.Fatal(err)
	}
	f.queue(id, spec)
	f.Release(id, size)
	return f.Changed(id)
}

func (f *fixture) record(id string, spec *api.Spec) *store.Workload {
	return &store.Workload{ID: id, State: store.Pending, Module: hello, Spec: record.EncodeSpec(spec).Spec(spec.Limits)}
}

// queue stores and queues a workload.
func (f *fixture) queue(id string, spec *api.Spec) {
	rec := f.record(id, spec)
	f.disk.mu.Lock()
	f.disk.records[id] = rec
	f.disk.mu.Unlock()
	f.OnCommit([]store.Change{{ID: id, State: rec.State, Created: rec}}, nil)
}

// status is what the store has of a workload.
func (f *fixture) status(id string) (store.State, record.Status) {
	f.Helper()
	rec, err := f.disk.Workload(f.Context(), id)
	if err != nil {
		f.Fatal(err)
	}
	status, err := record.DecodeStatus(rec)
	if err != nil {
		f.Fatal(err)
	}
	return rec.State, status
}

// wantState checks what the store has of a workload, and whether it has ended.
func (f *fixture) wantState(id string, want store.State, reason api.Reason) {
	f.Helper()
	state, status := f.status(id)
	_, _, live := f.Look(id)
	if state != want || status.Reason != reason || live == want.Finished() {
		f.Errorf("%s is %v, %v: %s (live: %t); want %v, %v", id, state, status.Reason, status.Message, live, want, reason)
	}
}

var errFault = errors.New("a fault")

// isClosed tells whether a channel is closed.
func isClosed(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}
