package observe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/internal/notify"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/feed"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// node is the workloads that have not ended.
type node struct {
	mu     sync.Mutex
	all    []*workload
	piece  int    // how many a visit visits
	onStep func() // called between visits
}

type workload struct {
	id      string
	attempt *attempt.Attempt
	delay   *api.Delay
	port    *terminal.Port
	changed notify.Broadcast
}

func (n *node) find(id string) *workload {
	if i := slices.IndexFunc(n.all, func(w *workload) bool { return w.id == id }); i >= 0 {
		return n.all[i]
	}
	return nil
}

// remove has a workload end, in the way of the runner.
func (n *node) remove(i int) {
	last := len(n.all) - 1
	n.all[i].changed.Tell()
	n.all[i] = n.all[last]
	n.all = n.all[:last]
}

func (n *node) Log(id string) (*logbuf.Log, <-chan struct{}) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w := n.find(id)
	switch {
	case w == nil:
		return nil, nil
	case w.attempt == nil:
		return nil, w.changed.Next()
	default:
		return w.attempt.Log(), w.changed.Next()
	}
}

func (n *node) Port(id string, _ terminal.Mode) *terminal.Port {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.find(id); w != nil {
		return w.port
	}
	return nil
}

func (n *node) Look(id string) (*attempt.Attempt, *api.Delay, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if w := n.find(id); w != nil {
		return w.attempt, w.delay, true
	}
	return nil, nil, false
}

func (n *node) VisitAttempts(next int, visit func(string, *attempt.Attempt)) (rest int) {
	if n.onStep != nil {
		n.onStep()
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	next = min(next, len(n.all))
	for range min(next, n.piece) {
		next--
		if w := n.all[next]; w.attempt != nil {
			visit(w.id, w.attempt)
		}
	}
	return next
}

// program is an abi.Program whose processes run run.
type program struct {
	abi.Program // what is not faked

	run  func(*executor.Fiber, *abi.Config) error
	ops  []hostcalls.Op
	call string // in which it waits

	opening bool // its grants are not open yet
}

func (p *program) NewProcess(cfg *abi.Config) (abi.Process, error) {
	return &process{program: p, config: cfg}, nil
}

type process struct {
	*program
	config *abi.Config
	err    error
}

func (p *process) Turn(f *executor.Fiber) (executor.Next, bool) {
	if p.run != nil {
		p.err = p.run(f, p.config)
	}
	return executor.End(), true
}

func (p *process) Result() (abi.Exit, error)                        { return abi.Exit{}, p.err }
func (p *process) AppendOps(to []hostcalls.Op) []hostcalls.Op       { return append(to, p.ops...) }
func (p *process) LastCall() string                                 { return p.call }
func (p *process) Waits() ([]hostcalls.WaitUsage, hostcalls.OpKind) { return nil, 0 }
func (p *process) Refusal() *abi.Refusal                            { return nil }
func (p *process) PeakMemory() int64                                { return 5 }

func (p *process) ListenAddresses() []string {
	if p.opening {
		return nil
	}
	return []string{"127.0.0.1:1"}
}

// parks is a process that waits until it is ended.
func parks(f *executor.Fiber, _ *abi.Config) error { return f.Park() }

// owner is nobody who wants to know.
type owner struct{ hostcalls.Memory }

func (owner) OnGuestStart()                           {}
func (owner) OnNetworkFailure(attempt.NetworkFailure) {}
func (owner) OnDeadline()                             {}

// fixture is an Observer over fakes.
type fixture struct {
	*Observer
	*testing.T
	node     *node
	disk     *disk
	executor *executor.Executor
	host     attempt.Host
}

// newFixture makes one. Close ends it; in a bubble that has to be done before the end of it.
func newFixture(t *testing.T) *fixture {
	t.Helper()
	e, err := executor.New(executor.Config{Workers: 1})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{T: t, node: &node{piece: 1000}, disk: &disk{}, executor: e}
	f.host = attempt.Host{Host: equip.Host{Driver: e.Driver()}, Spool: logbuf.NewSpool(logbuf.Config{Store: f.disk, Bytes: 1 << 20, Age: time.Second})}
	f.Observer = &Observer{
		Streams: NewStreams(), Workloads: f.node, Store: f.disk, Feed: feed.New[*Change](4, 0),
		Reading:   func(context.Context) (func(), error) { return func() {}, nil },
		OnDamaged: func(error) {},
	}
	return f
}

func (f *fixture) close() {
	f.Helper()
	if err := f.executor.Close(context.Background()); err != nil {
		f.Error(err)
	}
	f.host.Spool.Close()
}

// add adds a workload, and if it has a program starts it.
func (f *fixture) add(id string, p *program) (w *workload, ended <-chan struct{}) {
	f.Helper()
	w = &workload{id: id}
	f.node.mu.Lock()
	f.node.all = append(f.node.all, w)
	f.node.mu.Unlock()
	if p != nil {
		ended = f.start(w, p)
	}
	return w, ended
}

// start starts a workload.
func (f *fixture) start(w *workload, p *program) (ended <-chan struct{}) {
	f.Helper()
	a, done := new(attempt.Attempt), make(chan struct{})
	a.Init(&f.host, owner{}, &attempt.Config{ID: w.id, Number: 3, Spec: &api.Spec{Limits: api.Limits{LogBytes: 1 << 20}}, Module: p, Port: w.port})
	f.node.mu.Lock()
	w.attempt = a
	w.changed.Tell()
	f.node.mu.Unlock()
	a.Begin(lifecycle.NoCause)
	task, err := f.executor.Spawn(executor.TaskSpec{
		Turn: a.Turn,
		Done: func(t *executor.Task) { a.Ended(t); close(done) },
	})
	if err != nil {
		f.Fatal(err)
	}
	a.SetTask(task)
	return done
}

// end ends a workload that waits: the end of its log is stored, and then it is gone.
func (f *fixture) end(w *workload, ended <-chan struct{}) {
	w.attempt.Interrupt(lifecycle.ByClient)
	<-ended
	stored := make(chan struct{})
	w.attempt.Log().Seal(func(rest []store.LogChunk, _ store.Cut) {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.disk.log = append(f.disk.log, rest...)
		close(stored)
	})
	<-stored
	f.node.mu.Lock()
	f.node.remove(slices.Index(f.node.all, w))
	f.node.mu.Unlock()
	w.attempt.Log().Release()
}

// disk is a store of logs and records.
type disk struct {
	store.Store // what is not faked

	mu      sync.Mutex
	log     []store.LogChunk // of the only workload
	starts  []int64          // where the output of the attempts begins, in their order; nil: of all three at 0
	records map[string]*store.Workload
	refused error // output is
}

func (d *disk) AppendLog(a store.LogAppend, done func(error)) {
	go func() {
		d.mu.Lock()
		err := d.refused
		if err == nil {
			d.log = append(d.log, a.Chunks...)
		}
		d.mu.Unlock()
		done(err)
	}()
}

func (d *disk) ReadLog(_ context.Context, _ string, offset int64, _ store.Cut, _ int) ([]store.LogEntry, int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.log {
		if c.End() <= offset {
			continue
		}
		if c.Offset < offset {
			c.Data, c.Offset = c.Data[offset-c.Offset:], offset
		}
		return []store.LogEntry{{Attempt: 3, LogChunk: c}}, c.End(), nil // one at a time
	}
	return nil, offset, nil
}

func (d *disk) LogStart(_ context.Context, _ string, after uint32) (int64, bool, error) {
	switch {
	case d.starts == nil:
		return 0, after < 3, nil
	case int(after) < len(d.starts):
		return d.starts[after], true, nil
	}
	return 0, false, nil
}

// TailLog knows only lines of one byte.
func (d *disk) TailLog(_ context.Context, _ string, _ store.Streams, lines int, _ store.Cut) (begin, end int64, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.log {
		end += int64(len(c.Data))
	}
	return max(0, end-2*int64(lines)), end, nil
}

func (d *disk) Workload(_ context.Context, id string) (*store.Workload, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if rec := d.records[id]; rec != nil {
		return rec, nil
	}
	return nil, &store.NotFoundError{Kind: store.KindWorkload, Name: id}
}

var errStop = errors.New("stop")

// wantClass checks the class of an error.
func wantClass(t *testing.T, err error, want errs.Class) {
	t.Helper()
	if err == nil || errs.ClassOf(err) != want {
		t.Errorf("error %v, want %v", err, want)
	}
}

// opsFor are n operations, named after a workload.
func opsFor(id string, n int) (ops []hostcalls.Op) {
	for i := range n {
		ops = append(ops, hostcalls.Op{Kind: hostcalls.OpTimer, Target: fmt.Sprintf("%s/%d", id, i)})
	}
	return ops
}
