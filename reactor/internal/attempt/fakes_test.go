package attempt

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/equip"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is an abi.Program whose processes do what the test says.
type program struct {
	abi.Program // what is not faked

	run      func(f *executor.Fiber, cfg *abi.Config) (abi.Exit, error)
	refused  error // NewProcess fails
	peak     int64
	refusal  *abi.Refusal
	ops      []hostcalls.Op
	waits    []hostcalls.WaitUsage
	waitsFor hostcalls.OpKind
	address  string
	config   *abi.Config // of the last process
}

func (p *program) NewProcess(cfg *abi.Config) (abi.Process, error) {
	p.config = cfg
	return &process{program: p}, p.refused
}

type process struct {
	*program
	exit abi.Exit
	err  error
}

func (p *process) Turn(f *executor.Fiber) (executor.Next, bool) {
	p.exit, p.err = p.run(f, p.config)
	return executor.End(), true
}

func (p *process) Result() (abi.Exit, error)                        { return p.exit, p.err }
func (p *process) AppendOps(to []hostcalls.Op) []hostcalls.Op       { return append(to, p.ops...) }
func (p *process) LastCall() string                                 { return "" }
func (p *process) Waits() ([]hostcalls.WaitUsage, hostcalls.OpKind) { return p.waits, p.waitsFor }
func (p *process) Refusal() *abi.Refusal                            { return p.refusal }
func (p *process) PeakMemory() int64                                { return p.peak }
func (p *process) ListenAddresses() []string                        { return []string{p.address} }

// service is a program that serves; its other tasks have used something.
type service struct {
	*program
	used executor.Usage
}

func (s service) NewProcess(*abi.Config) (abi.Process, error) {
	return &server{process{program: s.program}, s.used}, nil
}

type server struct {
	process
	used executor.Usage
}

func (*server) Rest(ended func())                         { ended() }
func (s *server) Used() executor.Usage                    { return s.used }
func (*server) Counts() abi.ServiceCounts                 { return abi.ServiceCounts{} }
func (*server) HeldBy() (peers []string, since time.Time) { return nil, time.Time{} }

// begins is a program that begins and then ends so.
func begins(exit abi.Exit, err error) *program {
	return &program{run: func(_ *executor.Fiber, cfg *abi.Config) (abi.Exit, error) {
		cfg.OnStart()
		return exit, err
	}}
}

// fails is a program that fails before its guest begins.
func fails(err error) *program {
	return &program{run: func(*executor.Fiber, *abi.Config) (abi.Exit, error) { return abi.Exit{}, err }}
}

// parks is a program that waits until it is woken or ended.
func parks() *program {
	return &program{run: func(f *executor.Fiber, cfg *abi.Config) (abi.Exit, error) {
		cfg.OnStart()
		return abi.Exit{}, f.Park()
	}}
}

// owner counts what an attempt tells it.
type owner struct {
	hostcalls.Memory // what is not faked

	allowance engine.Allowance
	mu        sync.Mutex
	begun     int
	overdue   []time.Time
	failures  []NetworkFailure
}

func (o *owner) Allowance() *engine.Allowance { return &o.allowance }

func (o *owner) OnGuestStart() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.begun++
}

func (o *owner) OnNetworkFailure(f NetworkFailure) { o.failures = append(o.failures, f) }

func (o *owner) OnDeadline() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.overdue = append(o.overdue, time.Now())
}

// disk takes all output at once.
type disk struct{}

func (disk) AppendLog(_ store.LogAppend, done func(error)) { go done(nil) }

// fixture is an executor, and an owner of attempts.
type fixture struct {
	*testing.T
	executor *executor.Executor
	host     Host
	owner    *owner
}

// in runs a test in a bubble of virtual time.
func in(t *testing.T, test func(f *fixture)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		e, err := executor.New(executor.Config{Workers: 1})
		if err != nil {
			t.Fatal(err)
		}
		spool := logbuf.NewSpool(logbuf.Config{Store: disk{}, Bytes: 1 << 20, Age: time.Second})
		f := &fixture{T: t, executor: e, owner: &owner{}, host: Host{Host: equip.Host{Driver: e.Driver()}, Spool: spool}}
		test(f)
		if err := e.Close(context.Background()); err != nil {
			t.Error(err)
		}
		spool.Close()
	})
}

// attempt makes an attempt of a program.
func (f *fixture) attempt(p *program, change ...func(*Config)) *Attempt {
	cfg := Config{ID: "w", Number: 1, Spec: &api.Spec{Limits: api.Limits{LogBytes: 1 << 10}}, Module: p}
	for _, c := range change {
		c(&cfg)
	}
	a := new(Attempt)
	a.Init(&f.host, f.owner, &cfg)
	return a
}

// after says what earlier attempts left.
func after(past Past, logEnd int64) func(*Config) {
	return func(cfg *Config) { cfg.Number, cfg.Past, cfg.LogEnd = 2, &past, logEnd }
}

// spawn starts an attempt that was told to end by a cause, if there is one.
func (f *fixture) spawn(a *Attempt, cause lifecycle.Cause) (ended <-chan struct{}) {
	f.Helper()
	done := make(chan struct{})
	task, err := f.executor.Spawn(executor.TaskSpec{
		FuelLimit: a.Limits.Fuel,
		Turn: func(fiber *executor.Fiber) executor.Next {
			if !a.Begin(cause) {
				return executor.End()
			}
			return a.Turn(fiber)
		},
		Done: func(t *executor.Task) { a.Ended(t); close(done) },
	})
	if err != nil {
		f.Fatal(err)
	}
	a.SetTask(task)
	return done
}

// run runs an attempt to its end.
func (f *fixture) run(a *Attempt) {
	f.Helper()
	<-f.spawn(a, lifecycle.NoCause)
}

// tank is a meter of which the test burns.
type tank struct{ burnt int64 }

func (m *tank) Refill(int64) { m.burnt = 0 }
func (m *tank) Burnt() int64 { return m.burnt }
