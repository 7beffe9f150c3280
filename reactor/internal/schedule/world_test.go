package schedule

import (
	"fmt"
	"slices"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// job is a workload of the model: what its guest comes to hold, in units, and what its own limit is.
type job struct {
	tenant string
	module byte
	peak   int64
	limit  int64
}

// world is a scheduler with everything around it: the dispatcher, the loads, the fibers, the store. Each step
// is one atomic action of one of them. Worlds are not copied but made anew from their steps.
type world struct {
	*Scheduler[int, string]
	memory  int64 // the node's, in units
	jobs    []job
	now     time.Time
	entries []*Entry[int, string]
	guests  []guest
	hand    *Entry[int, string] // what the dispatcher is starting
	idle    bool                // Next had nothing when nothing has happened since
	loads   []Key
	trials  trials
	spare   spare
	faults  []string
}

// spare is how much adversity is left.
type spare struct{ cancels, failures, drains, ticks, shutdowns, deaths int }

// guest is an entry's fiber, and its record.
type guest struct {
	task   task
	holds  int64
	told   lifecycle.Cause // its task was cancelled with
	next   *Why            // it is to be started anew, for this or nothing in particular
	final  bool            // it is not
	backed int
}

type task uint8

const (
	none    task = iota
	spawned      // the fiber has not run
	running
	parked  // it waits for memory
	storing // what became of it is being recorded
	gone
)

func newWorld(memory int64, jobs []job, left spare) *world {
	w := &world{
		memory: memory * unit, spare: left, now: time.Unix(1000, 0),
		entries: make([]*Entry[int, string], len(jobs)), guests: make([]guest, len(jobs)),
	}
	for _, j := range jobs {
		w.jobs = append(w.jobs, job{j.tenant, j.module, j.peak * unit, j.limit * unit})
	}
	w.restart()
	return w
}

// step is one action: who does what, to which entry.
type step struct {
	what string
	id   int
}

// enabled lists what can happen next.
func (w *world) enabled() (steps []step) {
	add := func(when bool, what string, id int) {
		if when {
			steps = append(steps, step{what, id})
		}
	}
	add(w.hand == nil && !w.idle, "dispatch", 0)
	if w.hand != nil {
		add(true, "begin", w.hand.Value)
		add(w.spare.failures > 0, "fail", w.hand.Value)
		add(w.Closing(), "put back", w.hand.Value)
	}
	for i := range w.loads {
		add(true, "loaded", i)
		add(w.spare.failures > 0, "unloadable", i)
	}
	for i := range w.guests {
		g := &w.guests[i]
		add(g.task == spawned, "fiber", i)
		add(g.task == running && g.told == lifecycle.NoCause && g.holds < w.jobs[i].peak, "grow", i)
		add(g.task == running && (g.told != lifecycle.NoCause || g.holds >= w.jobs[i].peak), "end", i)
		add(g.task == parked && g.told != lifecycle.NoCause, "end", i)
		add(g.task == storing, "stored", i)
		add(w.spare.cancels > 0 && g.task != gone, "cancel", i)
	}
	add(w.spare.drains > 0, "drain", 0)
	add(w.spare.shutdowns > 0 && !w.Closing(), "shut down", 0)
	add(w.Closing() && w.Live() == 0, "restart", 0)
	if w.spare.deaths > 0 {
		for plan := range plans {
			add(plan == nobody || w.youngest() >= 0, "die", int(plan))
		}
	}
	add(len(w.trials.left) > 0, "try", 0)
	add(w.trials.on && len(w.trials.left) == 0, "open", 0)
	if at, ok := w.Wakeup(); ok && w.spare.ticks > 0 {
		add(at.After(w.now) || w.idle, "tick", 0)
	}
	return steps
}

// do does a step.
func (w *world) do(s step) {
	idle := false
	switch s.what {
	case "dispatch":
		idle = w.dispatch()
	case "begin":
		w.begin(w.take())
	case "fail":
		w.spare.failures--
		w.Postpone(w.take(), Why{Trouble: retry.Disk, Until: w.now.Add(time.Second)}, w.now)
	case "loaded", "unloadable":
		key := w.loads[s.id]
		w.loads = slices.Delete(w.loads, s.id, s.id+1)
		if s.what == "unloadable" {
			w.spare.failures--
		}
		w.OnLoaded(key, s.what, unit, s.what == "unloadable")
	case "fiber":
		w.fiber(s.id)
	case "grow":
		w.grow(s.id)
	case "end":
		w.end(s.id)
	case "stored":
		w.stored(s.id)
	case "cancel":
		w.spare.cancels--
		w.cancel(s.id, lifecycle.ByClient)
	case "drain":
		w.spare.drains--
		w.Drain(!w.Draining())
	case "put back":
		w.PutBack(w.take())
	case "shut down":
		w.spare.shutdowns--
		w.shutDown()
	case "restart":
		w.restart()
	case "die":
		w.spare.deaths--
		w.die(plan(s.id))
	case "try":
		w.try()
	case "open":
		w.trials = trials{}
		w.OpenGate()
	case "tick":
		w.spare.ticks--
		w.tick()
	}
	w.idle = idle
}

func (w *world) take() *Entry[int, string] {
	e := w.hand
	w.hand = nil
	return e
}

func (w *world) tick() {
	w.now = w.now.Add(time.Second)
	overdue, _ := w.Due(w.now, 10)
	for _, e := range overdue {
		w.cancel(e.Value, lifecycle.ByDeadline)
	}
}

func (w *world) dispatch() (idle bool) {
	a := w.Next(w.now, 0)
	switch a.Kind {
	case Idle:
		if at, ok := w.Wakeup(); ok && !at.After(w.now) {
			w.fault("there is nothing to do, and the owner is to call again at once")
		}
		return true
	case Start:
		w.checkGate(a.Entry)
		w.hand = a.Entry
	case Load:
		w.checkGate(a.Entry)
		w.loads = append(w.loads, a.Entry.Key())
	case Wake:
		g := &w.guests[a.Entry.Value]
		if g.task != parked {
			w.fault("%d is woken and does not wait", a.Entry.Value)
		}
		g.task = running
		g.holds += unit
	case Settle:
		w.OnSettled(a.Entry, w.guests[a.Entry.Value].holds, w.now)
	}
	return false
}

func (w *world) begin(e *Entry[int, string]) {
	g, failed := &w.guests[e.Value], e.Stage() == lifecycle.Loading && e.Module() == "unloadable"
	if failed {
		w.Finish(e)
		g.task, g.final = storing, true
		return
	}
	switch v := w.Begin(e, w.jobs[e.Value].limit, w.now, 0); v {
	case Granted:
		g.task = spawned
	case TooLarge:
		w.Finish(e)
		g.task, g.final = storing, true
	case Wait, Over:
	case Stopped:
		w.PutBack(e)
	default:
		w.fault("Begin = %d", v)
	}
}

func (w *world) fiber(i int) {
	g := &w.guests[i]
	g.task, g.holds = running, unit
	if cause := w.OnFirstRun(w.entries[i]); cause != g.told {
		w.fault("%d begins with cause %v, was told %v", i, cause, g.told)
	}
	w.Relieve(w.entries[i], w.now)
}

func (w *world) grow(i int) {
	g, e := &w.guests[i], w.entries[i]
	if g.holds+unit <= e.Reserved() {
		g.holds += unit
		return
	}
	v, back := w.Grow(e, g.holds+unit, 0)
	for _, b := range back {
		w.cancel(b.Value, lifecycle.ForMemory)
	}
	switch v {
	case Granted:
		g.holds += unit
	case Wait:
		g.task = parked
	case GoBack:
		if g.told == lifecycle.NoCause {
			g.told = lifecycle.ForMemory
		}
		w.end(i)
	case TooLarge:
		g.final = true
		w.end(i)
	}
}

func (w *world) end(i int) {
	g, e := &w.guests[i], w.entries[i]
	w.Free(e, g.holds)
	g.holds = 0
	if !w.Finish(e) {
		w.fault("%d ends twice", i)
	}
	g.task, g.next = storing, nil
	switch {
	case g.final || g.told == lifecycle.ByShutdown:
	case g.told == lifecycle.ForMemory:
		g.next = &Why{Trouble: retry.NodeMemory}
		g.backed++
	default:
		g.final = true
	}
}

func (w *world) stored(i int) {
	g, e := &w.guests[i], w.entries[i]
	if g.final {
		w.Forget(e, w.now)
		g.task = gone
		return
	}
	if _, _, _, ok := w.Requeue(e, g.next, w.now); !ok {
		g.final = true // it is recorded that it was cancelled
		return
	}
	g.task, g.told = none, lifecycle.NoCause
}

func (w *world) cancel(i int, cause lifecycle.Cause) {
	g := &w.guests[i]
	switch w.Cancel(w.entries[i], cause) {
	case lifecycle.Record:
		g.task, g.final = storing, true
	case lifecycle.Interrupt:
		g.told = cause
	case lifecycle.Dequeue:
		w.fault("Cancel = dequeue")
	}
}

func (w *world) fault(format string, args ...any) {
	w.faults = append(w.faults, fmt.Sprintf(format, args...))
}
