package schedule

import (
	"math"
	"time"

	"github.com/reactord/reactord/internal/heap"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// Key names a module: its digest.
type Key = [32]byte

// Config bounds a Scheduler.
type Config struct {
	Starting int           // workloads that are started and have not begun
	Live     int           // workloads that are started and have not ended
	Loading  int           // modules that are being loaded for one tenant
	Pending  int           // workloads that wait
	Bytes    int64         // what counts of those that wait; a single one is let in whatever it counts
	Memory   int64         // the node's, for all that is started; zero: no bound
	Patience time.Duration // for which what waits for memory lets others pass
}

// maxShort bounds the workloads of a tenant that wait for memory and let others pass.
const maxShort = 1000

// Scheduler schedules entries with values T, whose modules are M when they are loaded. The owner guards it.
type Scheduler[T, M any] struct {
	config Config
	lines  map[string]*line[T, M]
	turn   *line[T, M] // whose turn it is; nil if nothing waits

	modules   map[Key]*module[T, M]
	estimates estimates

	stages   [lifecycle.Gone]int // entries, by stage
	bytes    int64               // of those that are pending
	live     int                 // entries that were started and have not ended
	promised promised            // to submissions under way
	draining bool
	closing  bool
	gate     gate[T, M]

	delayed  heap.Heap[time.Duration, *Entry[T, M]] // alarms of what is tried again later, and deadlines of what waits
	epoch    time.Time                              // from which delayed counts: when the first alarm was set
	troubles retry.Ledger                           // what entries wait for

	memory memory[T, M]
}

// promised are places in the queue.
type promised struct {
	places int
	bytes  int64
}

// gate is what may be started while suspects of a crash are tried.
type gate[T, M any] struct {
	shut bool         // nothing but only
	only *Entry[T, M] // nil: nothing
}

// Entry is the place of a Value with a scheduler. Its owner embeds it in what it schedules, and changes
// nothing of it.
type Entry[T, M any] struct {
	Value      T
	next, prev *Entry[T, M]
	in         *list[T, M] // where it waits; nil: nowhere
	line       *line[T, M] // of its tenant
	module     *module[T, M]
	share      *share[T, M] // of memory: from when it was first about to be started
	delay      *delay[T, M] // from a failure of the host until its guest begins
	key        Key
	bytes      int64 // what it counts while it waits
	held       int64 // input that is kept in memory while it runs
	machine    lifecycle.Machine
	live       bool // it was started and has not ended
}

// Init says what is scheduled, before Add: which module it runs, what it counts while it waits, and how much of it is held in
// memory while it runs.
func (e *Entry[T, M]) Init(value T, module Key, bytes, held int64) {
	e.Value, e.key, e.bytes, e.held = value, module, bytes, held
}

// Stage is where the entry is.
func (e *Entry[T, M]) Stage() lifecycle.Stage { return e.machine.Stage() }

// Cause is what first told it to end.
func (e *Entry[T, M]) Cause() lifecycle.Cause { return e.machine.Cause() }

// Key names its module.
func (e *Entry[T, M]) Key() Key { return e.key }

// Held is what it has in memory beside its instance.
func (e *Entry[T, M]) Held() int64 { return e.held }

// Tenant is whose it is.
func (e *Entry[T, M]) Tenant() string { return e.line.tenant }

// Module is what Loaded gave for its module. It has one from when it is to be started until it has ended or is put
// back.
func (e *Entry[T, M]) Module() M { return e.module.value }

// module is one that entries hold.
type module[T, M any] struct {
	key     Key
	users   int
	loaded  bool // value is set; it may say that loading failed
	failed  bool
	value   M
	start   int64       // what an instance starts with
	waiting list[T, M]  // for it to be loaded
	loader  *line[T, M] // on whose turn it is loaded
}

// New returns a scheduler that has nothing.
func New[T, M any](config Config) *Scheduler[T, M] {
	if config.Memory <= 0 {
		config.Memory = math.MaxInt64 / 2
	}
	return &Scheduler[T, M]{config: config, modules: make(map[Key]*module[T, M])}
}

// Live is how many are started and have not ended.
func (s *Scheduler[T, M]) Live() int { return s.live }

// Pending is how many wait to be started.
func (s *Scheduler[T, M]) Pending() int {
	return s.stages[lifecycle.Queued] + s.stages[lifecycle.Delayed] + s.stages[lifecycle.Loading]
}

// PendingBytes is what those count that wait.
func (s *Scheduler[T, M]) PendingBytes() int64 { return s.bytes }

// Draining reports whether nothing is started any more.
func (s *Scheduler[T, M]) Draining() bool { return s.draining }

// Closing reports whether Close was called.
func (s *Scheduler[T, M]) Closing() bool { return s.closing }

// Drain stops work from being started, or lets it go on.
func (s *Scheduler[T, M]) Drain(drain bool) { s.draining = drain || s.closing }

// Close is Drain for good.
func (s *Scheduler[T, M]) Close() { s.closing, s.draining = true, true }

// Refusal is why a submission gets no place.
type Refusal uint8

// The refusals.
const (
	NotRefused Refusal = iota
	Draining
	NoPlace
	NoBytes
)

// Promise takes a place for a submission of so many bytes, until Redeem. It is refused if there is none.
func (s *Scheduler[T, M]) Promise(bytes int64) Refusal {
	taken := s.bytes + s.promised.bytes
	switch {
	case s.draining:
		return Draining
	case s.Pending()+s.promised.places >= s.config.Pending:
		return NoPlace
	case taken > 0 && taken+bytes > s.config.Bytes:
		return NoBytes
	}
	s.promised.places++
	s.promised.bytes += bytes
	return NotRefused
}

// Redeem gives back a place that was promised: its entry was added, or will not be.
func (s *Scheduler[T, M]) Redeem(bytes int64) {
	s.promised.places--
	s.promised.bytes -= bytes
}

// Taken is what counts in bytes: of what waits, and of what a place is promised.
func (s *Scheduler[T, M]) Taken() int64 { return s.bytes + s.promised.bytes }

// Add queues an entry behind the others of its tenant.
func (s *Scheduler[T, M]) Add(tenant string, e *Entry[T, M]) {
	e.line = s.lineOf(tenant)
	e.line.entries++
	s.stages[lifecycle.Queued]++
	s.bytes += e.bytes
	s.queueUp(e, &e.line.queue, false)
}

// moved keeps the counters after an entry has left a stage. Every change of a stage comes here.
func (s *Scheduler[T, M]) moved(e *Entry[T, M], from lifecycle.Stage) {
	to := e.machine.Stage()
	if from == to {
		return
	}
	s.stages[from]--
	if to != lifecycle.Gone {
		s.stages[to]++
	}
	switch {
	case from.Pending() && !to.Pending():
		s.bytes -= e.bytes
	case to.Pending() && !from.Pending():
		s.bytes += e.bytes
	}
	if live := to.Live() || to == lifecycle.Ending && e.live; live != e.live {
		e.live = live
		if live {
			s.live++
		} else {
			s.live--
		}
	}
}

// ActionKind is what the owner has to do next.
type ActionKind uint8

// The kinds.
const (
	Idle   ActionKind = iota // nothing, until something happens or it is time
	Start                    // get what the entry's start takes, then call Begin, or what else became of it
	Load                     // load the entry's module, then call Loaded
	Wake                     // the entry's fiber, which asked for memory: it is there
	Settle                   // see what the entry's instance holds, then call Settled
	Again                    // nothing, but call Next again: it has done as much as it does at a time
)

// atATime bounds what Next looks at in one call.
const atATime = 256

// Action is what the owner has to do.
type Action[T, M any] struct {
	Kind  ActionKind
	Entry *Entry[T, M]
}

// Next decides what is done next. Freeing is memory that belongs to nobody any more and is not free yet.
func (s *Scheduler[T, M]) Next(now time.Time, freeing int64) Action[T, M] {
	if e := s.satisfied(freeing); e != nil {
		return Action[T, M]{Wake, e}
	}
	if e := s.unsettled(now); e != nil {
		return Action[T, M]{Settle, e}
	}
	if s.draining || s.stages[lifecycle.Starting] >= s.config.Starting || s.live >= s.config.Live {
		return Action[T, M]{}
	}
	s.hold(now)
	for n, passed := 0, 0; s.turn != nil && passed < len(s.lines); n++ {
		if n == atATime {
			return Action[T, M]{Kind: Again}
		}
		l := s.turn
		s.turn = l.next
		e := s.pick(l, freeing)
		if e == nil {
			passed++
			continue
		}
		if load, ready := s.needs(e); load {
			return Action[T, M]{Load, e}
		} else if ready {
			return Action[T, M]{Start, e}
		}
		passed = 0
	}
	return Action[T, M]{}
}

// pick takes out what the tenant starts next: who waits for memory that is there, who waited for a module,
// who is first in the queue; nil if it has nobody.
func (s *Scheduler[T, M]) pick(l *line[T, M], freeing int64) *Entry[T, M] {
	e := s.fitting(l, freeing)
	switch {
	case e != nil:
	case l.ready.first != nil && l.shorts < maxShort:
		e = l.ready.first
	case l.loading < s.config.Loading && l.shorts < maxShort:
		e = l.queue.first
		if s.gate.shut {
			if e = s.gate.only; e == nil || e.in != &l.queue {
				return nil
			}
		}
	}
	if e != nil {
		s.takeOut(e)
		if e.machine.Take() {
			s.moved(e, lifecycle.Queued)
		}
	}
	return e
}

// needs takes hold of an entry's module. If it is there the entry is ready; if not the entry waits for it, and the
// first has to load it.
func (s *Scheduler[T, M]) needs(e *Entry[T, M]) (load, ready bool) {
	m := e.module
	if m == nil {
		if m = s.modules[e.key]; m == nil {
			m = &module[T, M]{key: e.key}
			s.modules[e.key] = m
		}
		m.users++
		e.module = m
	}
	if m.loaded {
		return false, true
	}
	m.waiting.push(e)
	if m.loader != nil {
		return false, false
	}
	m.loader = e.line
	e.line.loading++
	return true, false
}

// Loaded is what became of loading a module: value is given to those who wait for it, and failed tells that there is no
// instance to be made. If nobody holds the module any more it is unused.
func (s *Scheduler[T, M]) Loaded(key Key, value M, startBytes int64, failed bool) (unused bool) {
	m := s.modules[key]
	m.loader.loading--
	s.dropLine(m.loader)
	m.loader = nil
	m.loaded, m.failed, m.value, m.start = true, failed, value, startBytes
	for e := m.waiting.first; e != nil; e = m.waiting.first {
		m.waiting.remove(e)
		s.queueUp(e, &e.line.ready, false)
	}
	return s.dropModule(m)
}

// release gives up an entry's hold on its module. If nobody else holds it, it is unused.
func (s *Scheduler[T, M]) release(e *Entry[T, M]) (value M, unused bool) {
	m := e.module
	if m == nil {
		return value, false
	}
	e.module = nil
	m.users--
	return m.value, s.dropModule(m)
}

// dropModule forgets a module that nobody holds. One that is being loaded is forgotten when it is there.
func (s *Scheduler[T, M]) dropModule(m *module[T, M]) (unused bool) {
	if m.users > 0 || !m.loaded {
		return false
	}
	delete(s.modules, m.key)
	return true
}

// dropLine forgets a tenant that has nothing.
func (s *Scheduler[T, M]) dropLine(l *line[T, M]) {
	if l.entries == 0 && l.loading == 0 {
		delete(s.lines, l.tenant)
	}
}

// Begun is the entry's fiber running for the first time. A cause that came before is returned: it is to end at once.
func (s *Scheduler[T, M]) Begun(e *Entry[T, M]) lifecycle.Cause {
	cause := e.machine.Begin()
	s.moved(e, lifecycle.Starting)
	return cause
}

// Finish makes an entry Ending whose task has ended, or that can't be started: the owner sees to it that this is
// recorded. It returns false if the entry is ending already.
func (s *Scheduler[T, M]) Finish(e *Entry[T, M]) bool {
	from := e.machine.Stage()
	if !e.machine.Finish() {
		return false
	}
	s.moved(e, from)
	s.Free(e, 0)
	return true
}

// Cancel tells an entry to end, and returns what is left to do: never lifecycle.Dequeue.
func (s *Scheduler[T, M]) Cancel(e *Entry[T, M], cause lifecycle.Cause) lifecycle.Action {
	from := e.machine.Stage()
	action := e.machine.Cancel(cause)
	s.moved(e, from)
	if action != lifecycle.Dequeue && action != lifecycle.Record {
		return action
	}
	s.takeOut(e)
	if e.delay != nil {
		s.delayed.Remove(&e.delay.alarm)
	}
	return lifecycle.Record
}

// PutBack returns an entry that was to be started to the front of the queue: the owner shuts down. It returns false if
// it was cancelled meanwhile.
func (s *Scheduler[T, M]) PutBack(e *Entry[T, M]) (value M, unused, ok bool) {
	if !e.machine.PutBack() {
		return value, false, false
	}
	s.moved(e, lifecycle.Loading)
	s.queueUp(e, &e.line.queue, true)
	value, unused = s.release(e)
	return value, unused, true
}

// Gone is the end of an entry having been recorded.
func (s *Scheduler[T, M]) Gone(e *Entry[T, M], now time.Time) (value M, unused bool) {
	s.Relieve(e, now)
	e.machine.Stored(lifecycle.Gone)
	s.moved(e, lifecycle.Ending)
	value, unused = s.release(e)
	e.line.entries--
	s.dropLine(e.line)
	return value, unused
}

// Again is its having been recorded that an entry is to be started anew: at once, before the others of its tenant,
// or if it waits for something after a delay. It returns false if somebody told it to end meanwhile: then its end is to be
// recorded.
func (s *Scheduler[T, M]) Again(e *Entry[T, M], why *Why, now time.Time) (value M, unused, first, ok bool) {
	next := lifecycle.Queued
	if why != nil && why.Trouble != retry.NodeMemory {
		next = lifecycle.Delayed
	}
	if !e.machine.Stored(next) {
		return value, false, false, false
	}
	s.moved(e, lifecycle.Ending)
	value, unused = s.release(e)
	if why != nil {
		first = s.wait(e, *why, now)
	}
	if next == lifecycle.Queued {
		s.queueUp(e, &e.line.queue, true)
	}
	return value, unused, first, true
}

// ShutGate has nothing be started but who is on trial.
func (s *Scheduler[T, M]) ShutGate() { s.gate.shut = true }

// OpenGate ends that.
func (s *Scheduler[T, M]) OpenGate() { s.gate = gate[T, M]{} }

// Arrest takes an entry out of the queue as if it were to be started: the owner ends it.
func (s *Scheduler[T, M]) Arrest(e *Entry[T, M]) {
	s.takeOut(e)
	e.machine.Take()
	s.moved(e, lifecycle.Queued)
}

// Suspect takes an entry out of the queue until its trial, which nothing but Try begins. The daemon has died so many
// times.
func (s *Scheduler[T, M]) Suspect(e *Entry[T, M], why Why, deaths uint32, now time.Time) {
	s.Arrest(e)
	s.Postpone(e, why, now)
	e.delay.failures = deaths
}

// Try puts a suspect before the queue. It returns false if it does not wait for its trial any more.
func (s *Scheduler[T, M]) Try(e *Entry[T, M], now time.Time) bool {
	if e.delay == nil || e.delay.why.Trouble != retry.Crash || !e.machine.Due() {
		return false
	}
	s.due(e, now)
	if s.gate.shut {
		s.gate.only = e
	}
	return true
}
