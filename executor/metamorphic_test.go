package executor

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/reactord/reactord/executor/driver"
)

// step is a piece of a task's work: it computes, then gives up its worker in some way.
type step struct {
	burn  int64
	takes time.Duration
	how   stepKind
	sleep time.Duration
	kind  WaitKind
}

type stepKind int

const (
	sleeps stepKind = iota
	findsItself
	isPreempted
	yields
	goesOn
	stepKinds
)

func randomScript(rng *rand.Rand) []step {
	script := make([]step, 20)
	for i := range script {
		script[i] = step{
			burn:  rng.Int64N(300) * 100,
			takes: time.Duration(rng.IntN(200)) * time.Microsecond,
			how:   stepKind(rng.IntN(int(stepKinds))),
			sleep: time.Duration(1+rng.IntN(1000)) * time.Microsecond,
			kind:  WaitKind(rng.IntN(4)),
		}
	}
	return script
}

// actor does the steps of a script, whatever it runs on.
type actor struct {
	script []step
	at     int
	meter  tank
	timer  driver.Timer
	waits  []Wait
}

// begin computes, and does what gives up the worker other than waiting. It returns true if the step waits now.
func (a *actor) begin(e *Executor, f *Fiber) (waits bool) {
	if a.at == 0 {
		a.timer.Init(f.Task().WakeDue)
		f.SetMeter(&a.meter)
	}
	s := a.script[a.at]
	a.at++
	time.Sleep(s.takes)
	_ = a.meter.burn(f, s.burn)
	switch s.how {
	case sleeps:
		e.Driver().Start(&a.timer, time.Now().Add(s.sleep))
		return true
	case findsItself:
		f.Task().Wake()
		return true
	case isPreempted:
		_ = f.Preempt()
	case yields:
		f.Yield()
	}
	return false
}

func (a *actor) over() bool { return a.at == len(a.script) }

// kindOf is the kind of the wait that the last step began.
func (a *actor) kind() WaitKind { return a.script[a.at-1].kind }

// The ways in which a task can do a script.
var bodies = map[string]func(e *Executor, a *actor) TaskSpec{
	"a fiber": func(e *Executor, a *actor) TaskSpec {
		return TaskSpec{Run: func(f *Fiber) {
			for !a.over() {
				if a.begin(e, f) {
					_ = f.ParkFor(a.kind())
					a.waits = append(a.waits, f.LastWait())
				}
			}
		}}
	},
	"turns": func(e *Executor, a *actor) TaskSpec {
		waited := false
		return TaskSpec{Turn: func(f *Fiber) Next {
			if waited {
				a.waits = append(a.waits, f.LastWait())
			}
			for !a.over() {
				if waited = a.begin(e, f); waited {
					return Again(a.kind())
				}
			}
			return End()
		}}
	},
	"a fiber for each step": func(e *Executor, a *actor) TaskSpec {
		return TaskSpec{Turn: func(f *Fiber) Next {
			if a.over() {
				return leave(f)
			}
			if a.begin(e, f) {
				_ = f.ParkFor(a.kind())
				a.waits = append(a.waits, f.LastWait())
			}
			_ = f.Switch(nil)
			return leave(f)
		}}
	},
	"two fibers in turn": func(e *Executor, a *actor) TaskSpec {
		return TaskSpec{Turn: func(f *Fiber) Next {
			for !a.over() {
				if a.begin(e, f) {
					_ = f.ParkFor(a.kind())
					a.waits = append(a.waits, f.LastWait())
				}
				fibers := f.turns.fibers
				other := (*Fiber)(nil)
				if len(fibers) == 2 {
					other = fibers[1-slices.Index(fibers, f)]
				}
				_ = f.Switch(other)
			}
			return leave(f)
		}}
	},
}

// leave ends a fiber, and its task with the last one.
func leave(f *Fiber) Next {
	for _, other := range f.turns.fibers {
		if other != f {
			return SwitchTo(other)
		}
	}
	return End()
}

// TestBodiesAreAlike: tasks that do the same work with one fiber, with several, and without any while they wait, wait as
// long, are ready as long, and burn as much; and so do those beside them.
func TestBodiesAreAlike(t *testing.T) {
	for seed := range uint64(20) {
		results := map[string]string{}
		for name, body := range bodies {
			in(t, Config{Workers: 1, Quantum: 10_000}, func(t *testing.T, e *Executor) {
				rng := rand.New(rand.NewPCG(seed, 1))
				var actors []*actor
				var tasks []*Task
				start := make(chan bool)
				spawn(t, e, TaskSpec{Run: func(*Fiber) { <-start }})
				for i := range 6 {
					a := &actor{script: randomScript(rng)}
					spec := bodies["a fiber"](e, a)
					if i%3 > 0 {
						spec = body(e, a)
					}
					spec.Tenant = fmt.Sprint(i % 2)
					actors = append(actors, a)
					tasks = append(tasks, spawn(t, e, spec))
				}
				close(start)
				wait(t, e)
				result := fmt.Sprintf("%+v\n", e.Stats())
				for i, task := range tasks {
					result += fmt.Sprintf("%+v %v\n", task.Usage(), actors[i].waits)
				}
				results[name] = result
			})
		}
		for name, result := range results {
			if want := results["a fiber"]; result != want {
				t.Errorf("seed %d: with %s\n%swith a fiber\n%s", seed, name, result, want)
			}
		}
	}
}

// mill is a task of many threads in the way of a guest with async calls: a thread that waits has a fiber only if it has
// frames. Each thread grinds one token after the other, as they are sent to it.
type mill struct {
	task    *Task
	threads []millThread
	running *millThread // at most one, on whatever worker
	want    int         // tokens for each
	rng     *rand.Rand
	meter   tank

	mu   sync.Mutex
	sent []int // to which threads
}

type millThread struct {
	fiber  *Fiber // while it waits with frames
	tokens int
	ground int
}

// send may be called from any goroutine.
func (m *mill) send(thread int) {
	m.mu.Lock()
	m.sent = append(m.sent, thread)
	m.mu.Unlock()
	m.task.Wake()
}

// ready empties the inbox and returns a thread that has something to grind, or nil.
func (m *mill) ready() *millThread {
	m.mu.Lock()
	for _, i := range m.sent {
		m.threads[i].tokens++
	}
	m.sent = m.sent[:0]
	m.mu.Unlock()
	first := m.rng.IntN(len(m.threads))
	for i := range m.threads {
		if th := &m.threads[(first+i)%len(m.threads)]; th.tokens > 0 {
			return th
		}
	}
	return nil
}

func (m *mill) done() bool {
	return !slices.ContainsFunc(m.threads, func(th millThread) bool { return th.ground < m.want })
}

// turn grinds on a fiber whatever is ready and has no frames.
func (m *mill) turn(t *testing.T, f *Fiber) Next {
	if f.meter == nil {
		f.SetMeter(&m.meter)
	}
	for f.Err() == nil {
		switch th := m.ready(); {
		case th == nil && m.done():
			return End()
		case th == nil:
			return Again(0)
		case th.fiber != nil:
			return SwitchTo(th.fiber)
		default:
			m.grind(t, f, th)
		}
	}
	return End()
}

// grind is a piece of a thread's work. Some of them wait for another token in the middle.
func (m *mill) grind(t *testing.T, f *Fiber, th *millThread) {
	m.take(t, f, th)
	for m.rng.IntN(2) == 0 && m.block(f, th) {
		m.take(t, f, th)
	}
}

// take grinds one token; it may be preempted meanwhile.
func (m *mill) take(t *testing.T, f *Fiber, th *millThread) {
	if m.running != nil {
		t.Error("two threads run at once")
	}
	m.running = th
	th.tokens--
	th.ground++
	_ = m.meter.burn(f, m.rng.Int64N(2000))
	m.running = nil
}

// block waits, with frames, until the thread has a token. It returns false if there will be none.
func (m *mill) block(f *Fiber, th *millThread) bool {
	for th.tokens == 0 {
		th.fiber = f
		var err error
		switch next := m.ready(); {
		case next == th:
		case next == nil && m.done():
			err = ErrEnded
		case next == nil:
			err = f.Park()
		default:
			err = f.Switch(next.fiber) // or begin with it, if that is nil
		}
		th.fiber = nil
		if err != nil {
			return false
		}
	}
	return true
}

// TestMill has tasks of several threads, with and without fibers, woken from many goroutines, and some cancelled. Every token
// is ground, once, no two threads of a task run at once, and those that wait in the end are unwound.
func TestMill(t *testing.T) {
	const mills, threads, tokens, senders = 20, 8, 12, 4
	e := open(t, Config{Workers: 4, Quantum: 1000})
	all := make([]*mill, mills)
	var ended atomic.Int64
	for i := range all {
		m := &mill{threads: make([]millThread, threads), want: senders * tokens, rng: rand.New(rand.NewPCG(uint64(i), 3))}
		all[i] = m
		m.mu.Lock() // until task is set
		m.task = spawn(t, e, TaskSpec{
			Tenant: fmt.Sprint(i % 3),
			Turn:   func(f *Fiber) Next { return m.turn(t, f) },
			Done:   func(*Task) { ended.Add(1) },
		})
		m.mu.Unlock()
	}
	var sending sync.WaitGroup
	for seed := range uint64(senders) {
		sending.Go(func() {
			rng := rand.New(rand.NewPCG(seed, 4))
			for range tokens {
				for _, i := range rng.Perm(mills * threads) {
					all[i/threads].send(i % threads)
				}
				if seed == 0 {
					all[rng.IntN(mills/4)].task.Cancel(errTest)
				}
			}
		})
	}
	sending.Wait()
	for i := range mills / 4 {
		all[i].task.Cancel(errTest)
	}
	wait(t, e)
	if ended.Load() != mills {
		t.Errorf("%d of %d tasks ended", ended.Load(), mills)
	}
	for i, m := range all {
		if p := m.task.Panic(); p != nil {
			t.Error(p)
		}
		if i >= mills/4 && !m.done() {
			t.Errorf("task %d ended with %+v", i, m.threads)
		}
	}
}
