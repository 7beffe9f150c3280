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
	Starting int           // workloads that were started and whose guests have not begun
	Live     int           // workloads that were started and have not ended
	Loading  int           // modules being loaded for one tenant
	Pending  int           // waiting workloads
	Bytes    int64         // size of the waiting workloads; a single one is admitted whatever its size
	Memory   int64         // of the node, for all started workloads; zero: no bound
	Patience time.Duration // for which a workload that waits for memory lets others pass
}

// maxShort bounds a tenant's workloads that wait for memory and let others pass.
const maxShort = 1000

// Scheduler schedules entries with values T, whose loaded modules are M. Its owner guards it with a lock.
type Scheduler[T, M any] struct {
	config Config
	lines  map[string]*line[T, M]
	turn   *line[T, M] // the line whose turn it is; nil if nothing waits

	modules   map[Key]*module[T, M]
	estimates estimates

	stages   [lifecycle.Gone]int // number of entries by stage
	bytes    int64               // size of the pending entries
	waiting  list[T, M]          // the pending entries
	live     int                 // entries that were started and have not ended
	promised promised            // to submissions in progress
	draining bool
	closing  bool
	gate     gate[T, M]

	delayed  heap.Heap[time.Duration, *Entry[T, M]] // alarms of delayed entries, and deadlines of waiting ones
	epoch    time.Time                              // the time that delayed counts from: when the first alarm was set
	troubles retry.Ledger                           // what entries wait for

	memory memory[T, M]
}

// promised counts places in the queue that were promised.
type promised struct {
	places int
	bytes  int64
}

// gate restricts what may be started while suspects of a crash are tried.
type gate[T, M any] struct {
	shut bool         // only the entry below may be started
	only *Entry[T, M] // nil: nothing
}

// Entry is a value's state in a scheduler. The owner embeds it in what it schedules, and does not change it.
type Entry[T, M any] struct {
	Value   T
	links   [orders]links[T, M]
	line    *line[T, M] // the line of its tenant
	module  *module[T, M]
	share   *share[T, M] // nil before it is first about to be started
	delay   *delay[T, M] // from a failure of the host until its guest starts
	key     Key
	bytes   int64 // its size while it waits
	held    int64 // input that stays in memory while it runs
	machine lifecycle.Machine
	live    bool // it was started and has not ended
}

// Init sets, before Add, what is scheduled: its value, its module, its size while it waits, and how much of it stays in
// memory while it runs.
func (e *Entry[T, M]) Init(value T, module Key, bytes, held int64) {
	e.Value, e.key, e.bytes, e.held = value, module, bytes, held
}

// Stage returns the entry's stage.
func (e *Entry[T, M]) Stage() lifecycle.Stage { return e.machine.Stage() }

// Cause returns the first cause for which the entry was told to end.
func (e *Entry[T, M]) Cause() lifecycle.Cause { return e.machine.Cause() }

// Key returns the name of the entry's module.
func (e *Entry[T, M]) Key() Key { return e.key }

// Held returns what the entry has in memory besides its instance.
func (e *Entry[T, M]) Held() int64 { return e.held }

// Tenant returns the entry's tenant.
func (e *Entry[T, M]) Tenant() string { return e.line.tenant }

// Module returns the module that was passed to OnLoaded. An entry has one from when it is about to be started until it has
// ended or is put back.
func (e *Entry[T, M]) Module() M { return e.module.value }

// module is a module that entries hold.
type module[T, M any] struct {
	key     Key
	users   int
	loaded  bool // value is set; it may say that loading failed
	failed  bool
	value   M
	start   int64       // what an instance starts with
	waiting list[T, M]  // entries that wait for it to be loaded
	loader  *line[T, M] // the line on whose turn it is loaded
}

// New returns an empty scheduler.
func New[T, M any](config Config) *Scheduler[T, M] {
	if config.Memory <= 0 {
		config.Memory = math.MaxInt64 / 2
	}
	return &Scheduler[T, M]{config: config, modules: make(map[Key]*module[T, M]), waiting: list[T, M]{by: byAge}}
}

// Live returns how many entries were started and have not ended.
func (s *Scheduler[T, M]) Live() int { return s.live }

// Oldest returns the entry that has waited for longest to be started: since Add, or since it was last put back after an attempt.
// It returns nil if none waits.
func (s *Scheduler[T, M]) Oldest() *Entry[T, M] { return s.waiting.first }

// Pending returns how many entries wait to be started.
func (s *Scheduler[T, M]) Pending() int {
	return s.stages[lifecycle.Queued] + s.stages[lifecycle.Delayed] + s.stages[lifecycle.Loading]
}

// PendingBytes returns the size of the entries that wait.
func (s *Scheduler[T, M]) PendingBytes() int64 { return s.bytes }

// Draining reports whether nothing is started any more.
func (s *Scheduler[T, M]) Draining() bool { return s.draining }

// Closing reports whether Close was called.
func (s *Scheduler[T, M]) Closing() bool { return s.closing }

// Drain stops entries from being started, or allows it again.
func (s *Scheduler[T, M]) Drain(drain bool) { s.draining = drain || s.closing }

// Close is a Drain that cannot be undone.
func (s *Scheduler[T, M]) Close() { s.closing, s.draining = true, true }

// SetQueueBounds changes how many workloads may wait, and their size together. Those that wait already stay.
func (s *Scheduler[T, M]) SetQueueBounds(pending int, bytes int64) {
	s.config.Pending, s.config.Bytes = pending, bytes
}

// Refusal is why a submission is refused.
type Refusal uint8

// The refusals.
const (
	NotRefused Refusal = iota
	Draining
	NoPlace
	NoBytes
)

// Promise promises a place to a submission of the given size, until Redeem, or refuses it.
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

// Redeem gives back a promised place: its entry was added, or will not be.
func (s *Scheduler[T, M]) Redeem(bytes int64) {
	s.promised.places--
	s.promised.bytes -= bytes
}

// Taken returns the size of what waits and of what places were promised to.
func (s *Scheduler[T, M]) Taken() int64 { return s.bytes + s.promised.bytes }

// Add queues an entry behind the others of its tenant.
func (s *Scheduler[T, M]) Add(tenant string, e *Entry[T, M]) {
	e.line = s.lineOf(tenant)
	e.line.entries++
	s.stages[lifecycle.Queued]++
	s.bytes += e.bytes
	s.waiting.push(e)
	s.queueUp(e, &e.line.queue, false)
}

// onMoved updates the counters after an entry has left a stage. Every change of a stage comes here.
func (s *Scheduler[T, M]) onMoved(e *Entry[T, M], from lifecycle.Stage) {
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
		s.waiting.remove(e)
	case to.Pending() && !from.Pending():
		s.bytes += e.bytes
		s.waiting.push(e)
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

// ActionKind says what the owner has to do next.
type ActionKind uint8

// The kinds.
const (
	Idle   ActionKind = iota // nothing, until something happens or Wakeup's time comes
	Start                    // prepare the entry's start, then call Begin, or report what else happened
	Load                     // load the entry's module, then call OnLoaded
	Wake                     // wake the entry's fiber: the memory it asked for is there
	Settle                   // see what the entry's instance holds, then call OnSettled
	Again                    // call Next again: it has done as much as one call does
)

// maxPerNext bounds how many entries one call of Next examines.
const maxPerNext = 256

// Action is what the owner has to do.
type Action[T, M any] struct {
	Kind  ActionKind
	Entry *Entry[T, M]
}

// Next decides what is done next. freeing is memory that no longer belongs to anyone and is not free yet.
func (s *Scheduler[T, M]) Next(now time.Time, freeing int64) Action[T, M] {
	if e := s.nextSatisfied(freeing); e != nil {
		return Action[T, M]{Wake, e}
	}
	if e := s.nextUnsettled(now); e != nil {
		return Action[T, M]{Settle, e}
	}
	if !s.mayStart() {
		return Action[T, M]{}
	}
	s.hold(now)
	for n, passed := 0, 0; s.turn != nil && passed < len(s.lines); n++ {
		if n == maxPerNext {
			return Action[T, M]{Kind: Again}
		}
		l := s.turn
		s.turn = l.next
		e := s.pick(l, freeing)
		if e == nil {
			passed++
			continue
		}
		if load, ready := s.acquireModule(e); load {
			return Action[T, M]{Load, e}
		} else if ready {
			return Action[T, M]{Start, e}
		}
		passed = 0
	}
	return Action[T, M]{}
}

// mayStart reports whether another entry may be started now. What makes it true is always something that the owner calls
// Next after.
func (s *Scheduler[T, M]) mayStart() bool {
	return !s.draining && s.stages[lifecycle.Starting] < s.config.Starting && s.live < s.config.Live
}

// pick takes out the entry that the tenant starts next: one that waits for memory that is there now, else one that waited
// for its module, else the first of the queue; nil if there is none.
func (s *Scheduler[T, M]) pick(l *line[T, M], freeing int64) *Entry[T, M] {
	e := s.fitting(l, freeing)
	switch {
	case e != nil:
	case l.ready.first != nil && l.shorts < maxShort:
		e = l.ready.first
	case l.loading < s.config.Loading && l.shorts < maxShort:
		e = l.queue.first
		if s.gate.shut {
			if e = s.gate.only; e == nil || e.links[byTurn].in != &l.queue {
				return nil
			}
		}
	}
	if e != nil {
		s.takeOut(e)
		if e.machine.Take() {
			s.onMoved(e, lifecycle.Queued)
		}
	}
	return e
}

// acquireModule takes hold of an entry's module. ready reports whether it is loaded. If not the entry waits for it, and
// load reports whether this is the entry that has to load it.
func (s *Scheduler[T, M]) acquireModule(e *Entry[T, M]) (load, ready bool) {
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

// OnLoaded is called when a module was loaded. The entries that wait for it get value; failed says that no instance can be
// made of it. unused reports that no entry holds the module any more.
func (s *Scheduler[T, M]) OnLoaded(key Key, value M, startBytes int64, failed bool) (unused bool) {
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

// releaseModule gives up an entry's hold on its module. unused reports that no other entry holds it.
func (s *Scheduler[T, M]) releaseModule(e *Entry[T, M]) (value M, unused bool) {
	m := e.module
	if m == nil {
		return value, false
	}
	e.module = nil
	m.users--
	return m.value, s.dropModule(m)
}

// dropModule forgets a module that no entry holds. A module that is being loaded is forgotten when it is loaded.
func (s *Scheduler[T, M]) dropModule(m *module[T, M]) (unused bool) {
	if m.users > 0 || !m.loaded {
		return false
	}
	delete(s.modules, m.key)
	return true
}

// dropLine forgets a tenant without entries.
func (s *Scheduler[T, M]) dropLine(l *line[T, M]) {
	if l.entries == 0 && l.loading == 0 {
		delete(s.lines, l.tenant)
	}
}

// OnFirstRun is called when an entry's fiber runs for the first time. It returns the cause that came before, if any: then the
// task must end at once.
func (s *Scheduler[T, M]) OnFirstRun(e *Entry[T, M]) lifecycle.Cause {
	cause := e.machine.Begin()
	s.onMoved(e, lifecycle.Starting)
	return cause
}

// Finish makes an entry Ending whose task has ended or that can't be started. The owner has that recorded, unless Finish
// returns false because the entry is ending already.
func (s *Scheduler[T, M]) Finish(e *Entry[T, M]) bool {
	from := e.machine.Stage()
	if !e.machine.Finish() {
		return false
	}
	s.onMoved(e, from)
	s.Free(e, 0)
	return true
}

// Cancel tells an entry to end, and returns what is left to do, which is never lifecycle.Dequeue.
func (s *Scheduler[T, M]) Cancel(e *Entry[T, M], cause lifecycle.Cause) lifecycle.Action {
	from := e.machine.Stage()
	action := e.machine.Cancel(cause)
	s.onMoved(e, from)
	if action != lifecycle.Dequeue && action != lifecycle.Record {
		return action
	}
	s.takeOut(e)
	if e.delay != nil {
		s.delayed.Remove(&e.delay.alarm)
	}
	return lifecycle.Record
}

// PutBack returns an entry that was to be started to the front of the queue, because the owner shuts down. It returns
// false if the entry was cancelled meanwhile.
func (s *Scheduler[T, M]) PutBack(e *Entry[T, M]) (value M, unused, ok bool) {
	if !e.machine.PutBack() {
		return value, false, false
	}
	s.onMoved(e, lifecycle.Loading)
	s.queueUp(e, &e.line.queue, true)
	value, unused = s.releaseModule(e)
	return value, unused, true
}

// Forget is called when the end of an entry was recorded.
func (s *Scheduler[T, M]) Forget(e *Entry[T, M], now time.Time) (value M, unused bool) {
	s.Relieve(e, now)
	e.machine.Leave(lifecycle.Gone)
	s.onMoved(e, lifecycle.Ending)
	value, unused = s.releaseModule(e)
	e.line.entries--
	s.dropLine(e.line)
	return value, unused
}

// Requeue is called when it was recorded that an entry is to be started again: at once, before its tenant's other entries,
// or, if why is not nil, after a delay. ok is false if the entry was meanwhile told to end: then its end has to be
// recorded.
func (s *Scheduler[T, M]) Requeue(e *Entry[T, M], why *Why, now time.Time) (value M, unused, first, ok bool) {
	next := lifecycle.Queued
	if why != nil && why.Trouble != retry.NodeMemory {
		next = lifecycle.Delayed
	}
	if !e.machine.Leave(next) {
		return value, false, false, false
	}
	s.onMoved(e, lifecycle.Ending)
	value, unused = s.releaseModule(e)
	if why != nil {
		first = s.wait(e, *why, now)
	}
	if next == lifecycle.Queued {
		s.queueUp(e, &e.line.queue, true)
	}
	return value, unused, first, true
}

// ShutGate keeps everything from being started but the entry on trial.
func (s *Scheduler[T, M]) ShutGate() { s.gate.shut = true }

// OpenGate allows everything to be started again.
func (s *Scheduler[T, M]) OpenGate() { s.gate = gate[T, M]{} }

// Arrest takes an entry out of the queue as if it were to be started; the owner ends it.
func (s *Scheduler[T, M]) Arrest(e *Entry[T, M]) {
	s.takeOut(e)
	e.machine.Take()
	s.onMoved(e, lifecycle.Queued)
}

// Suspect takes an entry out of the queue until its trial, which only Try begins. deaths is how often in a row the daemon
// has died.
func (s *Scheduler[T, M]) Suspect(e *Entry[T, M], why Why, deaths uint32, now time.Time) {
	s.Arrest(e)
	s.Postpone(e, why, now)
	e.delay.failures = deaths
}

// Try puts a suspect at the front of the queue. It returns false if the entry no longer waits for its trial.
func (s *Scheduler[T, M]) Try(e *Entry[T, M], now time.Time) bool {
	if e.delay == nil || e.delay.why.Trouble != retry.Crash || !e.machine.Requeue() {
		return false
	}
	s.requeue(e, now)
	if s.gate.shut {
		s.gate.only = e
	}
	return true
}
