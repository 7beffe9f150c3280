package schedule

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/internal/lifecycle"
)

// check finds what is wrong: with the counters, which are to be what one counts, with who is where, and with memory.
func (w *world) check() error {
	var stages [lifecycle.Gone]int
	var bytes, reserved, leaving, elders, held int64
	var live, shorts, lines, pending int
	k := &w.Scheduler.memory.keep
	for i, e := range w.entries {
		st := e.Stage()
		if st == lifecycle.Gone {
			continue
		}
		stages[st]++
		if st.Pending() {
			bytes += e.bytes
			pending++
		}
		if e.live {
			live++
		}
		if sh := e.share; sh != nil {
			reserved += sh.reserved
			if sh.leaving {
				leaving += sh.reserved
			}
			if sh.short {
				shorts++
			}
			if k.entry != nil && sh.order <= k.before {
				elders += sh.reserved
			}
			if w.guests[i].holds > sh.reserved {
				w.fault("%d holds %d and has reserved %d", i, w.guests[i].holds, sh.reserved)
			}
		}
		held += w.guests[i].holds
		if err := w.checkPlace(e); err != nil {
			return err
		}
	}
	for range w.lines {
		lines++
	}
	for e := w.Oldest(); e != nil; {
		next := e.links[byAge].next
		if pending--; !e.Stage().Pending() || next != nil && next.links[byAge].prev != e {
			w.fault("%d is %v, among those that wait", e.Value, e.Stage())
		}
		e = next
	}
	m := &w.Scheduler.memory
	switch {
	case pending != 0:
		return fmt.Errorf("%d more wait than are listed", pending)
	case len(w.faults) > 0:
		return fmt.Errorf("%s", strings.Join(w.faults, "; "))
	case stages != w.stages || bytes != w.bytes || live != w.live || shorts != m.shorts:
		return fmt.Errorf("the counters are %v, %d, %d, %d, and %v, %d, %d, %d are to be counted",
			w.stages, w.bytes, w.live, m.shorts, stages, bytes, live, shorts)
	case reserved != m.reserved || leaving != m.leaving || k.entry != nil && elders != k.elders:
		return fmt.Errorf("%d are reserved, %d by who leaves, %d by elders, not %d, %d, %d", reserved, leaving, elders, m.reserved, m.leaving, k.elders)
	case held > w.memory || reserved-leaving > w.memory:
		return fmt.Errorf("%d are held and %d reserved, but for who leaves: the node has %d", held, reserved-leaving, w.memory)
	case live > w.config.Live || stages[lifecycle.Starting] > w.config.Starting:
		return fmt.Errorf("%d are live, %v", live, stages)
	}
	return w.checkEnd(lines)
}

// checkPlace finds what is wrong with where an entry is, its alarm and its module.
func (w *world) checkPlace(e *Entry[int, string]) error {
	found := 0
	count := func(l *list[int, string], stage lifecycle.Stage) {
		for at := l.first; at != nil; at = at.links[byTurn].next {
			if at == e {
				found++
				if e.links[byTurn].in != l || e.Stage() != stage {
					w.fault("%d is %v, in the list of what is %v", e.Value, e.Stage(), stage)
				}
			}
		}
	}
	l := e.line
	count(&l.queue, lifecycle.Queued)
	count(&l.ready, lifecycle.Loading)
	for c := range l.short {
		count(&l.short[c], lifecycle.Loading)
	}
	if e.module != nil {
		count(&e.module.waiting, lifecycle.Loading)
	}
	if w.hand == e && e.Stage() == lifecycle.Loading {
		found++
	}
	if d := e.delay; d != nil && e.Stage().Pending() && d.alarm.In() != (e.Stage() == lifecycle.Delayed || !d.why.Deadline.IsZero() || e.share != nil && e.share.mayEase()) {
		w.fault("%d is %v, its deadline %v, its alarm is set: %v", e.Value, e.Stage(), d.why.Deadline, d.alarm.In())
	}
	if e.module != nil && (e.Stage() == lifecycle.Queued || e.Stage() == lifecycle.Delayed) {
		w.fault("%d is %v and holds its module", e.Value, e.Stage())
	}
	want := 0
	if e.Stage().Pending() && e.Stage() != lifecycle.Delayed {
		want = 1
	}
	if found != want || l.hasWork() != (l.next != nil) || l.hasWork() && w.turn == nil {
		return fmt.Errorf("%d is %v and in %d places; its tenant waits: %v, in the ring: %v", e.Value, e.Stage(), found, l.hasWork(), l.next != nil)
	}
	return nil
}

// checkEnd finds what is left when everything is gone.
func (w *world) checkEnd(lines int) error {
	for i := range w.guests {
		if w.guests[i].task != gone {
			return nil
		}
	}
	if len(w.loads) == 0 && lines+len(w.modules)+w.delayed.Len()+len(w.Scheduler.memory.asking) > 0 || w.turn != nil {
		return fmt.Errorf("everything has ended, and %d tenants, %d modules, %d alarms are left", lines, len(w.modules), w.delayed.Len())
	}
	return nil
}

// ends runs the world on without adversity, and finds what does not come to an end.
func (w *world) ends() error {
	w.Drain(false)
	w.idle, w.spare = false, spare{ticks: 1}
	for range 400 {
		steps := w.enabled()
		if len(steps) == 0 {
			break
		}
		w.do(steps[0])
		w.spare.ticks = 1
	}
	for i := range w.guests {
		g := &w.guests[i]
		if g.task != gone {
			return fmt.Errorf("lost: %d is %v in the end, its fiber %d", i, w.entries[i].Stage(), g.task)
		}
		eased := 0
		if sh := w.entries[i].share; sh != nil {
			eased = int(sh.eased)
		}
		if g.backed > 2+maxYields+eased {
			return fmt.Errorf("%d was sent back %d times", i, g.backed)
		}
	}
	return w.check()
}

// key is all that tells one state of the world from another.
func (w *world) key() string {
	b := make([]byte, 0, 512)
	num := func(numbers ...int64) {
		for _, n := range numbers {
			b = binary.AppendVarint(b, n)
		}
	}
	flags := func(flags ...bool) {
		var n int64
		for _, f := range flags {
			n <<= 1
			if f {
				n |= 1
			}
		}
		num(n)
	}
	ids := func(l *list[int, string]) {
		for e := l.first; e != nil; e = e.links[l.by].next {
			num(int64(e.Value))
		}
		num(-1)
	}
	passed := func(t time.Time) {
		if t.IsZero() {
			num(-99)
			return
		}
		num(int64(min(max(t.Sub(w.now), -3*time.Second), 10*time.Second) / time.Second))
	}
	for _, tenant := range []string{"a", "b"} {
		l := w.lines[tenant]
		flags(l != nil, w.turn == l)
		if l == nil {
			continue
		}
		num(int64(l.loading), int64(l.shortMask))
		ids(&l.queue)
		ids(&l.ready)
		for mask := l.shortMask; mask != 0; mask &= mask - 1 {
			ids(&l.short[bits.TrailingZeros64(mask)])
		}
	}
	m := &w.Scheduler.memory
	for i, e := range w.entries {
		g := &w.guests[i]
		flags(e.live, g.final, g.next != nil, e.share != nil, e.delay != nil, m.keep.entry == e, w.hand == e)
		num(int64(e.Stage()), int64(e.Cause()), int64(g.task), g.holds)
		if sh := e.share; sh != nil {
			flags(sh.leaving, sh.asking, sh.order > m.keep.before)
			num(sh.reserved, sh.wants, sh.least, int64(sh.age), int64(sh.asked), int64(sh.yielded), int64(sh.eased))
			passed(sh.since)
		}
		if d := e.delay; d != nil {
			flags(d.alarm.In())
			num(int64(d.why.Trouble))
			passed(d.why.Until)
			passed(d.why.Deadline)
		}
	}
	for _, e := range m.asking {
		num(int64(e.Value))
	}
	num(-1)
	ids(&m.fresh)
	if k := &m.keep; k.entry != nil {
		num(k.elders, int64(k.round))
		passed(k.until)
	}
	for id := byte(1); id <= 3; id++ {
		num(w.estimates.of(Key{id}))
		if mod := w.modules[Key{id}]; mod != nil {
			flags(mod.loaded, mod.failed)
			num(int64(mod.users))
			ids(&mod.waiting)
		}
	}
	for _, key := range w.loads {
		num(int64(key[0]))
	}
	num(-1)
	for _, i := range w.trials.left {
		num(int64(i))
	}
	s := &w.spare
	num(int64(w.trials.last), int64(s.cancels), int64(s.failures), int64(s.drains), int64(s.ticks), int64(s.shutdowns), int64(s.deaths))
	flags(w.idle, w.Draining(), w.Closing(), w.trials.on, w.trials.shut)
	return string(b)
}

// path is how a world came about: a step after another path; nil is a new world.
type path struct {
	before *path
	step   step
	next   []step // that are possible then
}

func (p *path) steps() (steps []step) {
	for ; p.before != nil; p = p.before {
		steps = append(steps, p.step)
	}
	slices.Reverse(steps)
	return steps
}

// explore walks through every order in which the steps can come, and checks every state, and that from each of
// them everything comes to its end.
func explore(t *testing.T, memory int64, jobs []job, left spare) (states int) {
	t.Helper()
	seen := map[string]bool{}
	var todo []*path
	visit := func(w *world, p *path) {
		state := w.key()
		if seen[state] {
			return
		}
		seen[state] = true
		err := w.check()
		p.next = w.enabled()
		if err == nil {
			err = w.ends()
		}
		if err != nil {
			t.Fatalf("%v, after %v", err, p.steps())
		}
		todo = append(todo, p)
	}
	visit(newWorld(memory, jobs, left), &path{})
	for len(todo) > 0 {
		p := todo[0]
		todo = todo[1:]
		steps := p.steps()
		for _, s := range p.next {
			w := newWorld(memory, jobs, left)
			for _, done := range steps {
				w.do(done)
			}
			w.do(s)
			visit(w, &path{before: p, step: s})
		}
	}
	return len(seen)
}

// TestEveryInterleaving walks through every order of everything that can happen to a few workloads. In each
// state the counters are what one counts, nobody is in two places, the node's memory is enough, and everybody comes to an
// end from there.
func TestEveryInterleaving(t *testing.T) {
	for _, tc := range []struct {
		name   string
		memory int64
		jobs   []job
		left   spare
	}{
		{"two that grow", 4, []job{{"a", 1, 3, 4}, {"a", 1, 3, 4}}, spare{cancels: 1, ticks: 2}},
		{"two tenants that grow", 4, []job{{"a", 1, 3, 3}, {"b", 2, 2, 0}}, spare{cancels: 1, failures: 1, ticks: 1}},
		{"three that grow", 3, []job{{"a", 1, 2, 2}, {"a", 1, 2, 2}, {"b", 2, 2, 2}}, spare{}},
		{"more than the node has", 3, []job{{"a", 1, 4, 0}, {"b", 1, 1, 1}}, spare{cancels: 1, drains: 2}},
		{"loading", 2, []job{{"a", 1, 1, 0}, {"a", 2, 1, 0}, {"b", 1, 1, 0}}, spare{cancels: 1, failures: 1}},
		{"drained", 2, []job{{"a", 1, 1, 0}, {"b", 1, 1, 0}}, spare{cancels: 1, failures: 2, drains: 2, ticks: 2}},
		{"drained while one waits for memory", 1, []job{{"a", 1, 1, 0}, {"b", 2, 1, 0}}, spare{cancels: 1, drains: 2, ticks: 4}},
		{"shut down", 2, []job{{"a", 1, 2, 0}, {"b", 2, 1, 0}}, spare{cancels: 1, shutdowns: 1}},
		{"shut down while the host fails", 2, []job{{"a", 1, 2, 0}, {"b", 2, 1, 0}}, spare{failures: 1, shutdowns: 1}},
		{"died", 3, []job{{"a", 1, 2, 2}, {"b", 1, 2, 0}}, spare{deaths: 1, ticks: 1}},
		{"died twice", 2, []job{{"a", 1, 2, 0}, {"b", 2, 1, 0}}, spare{deaths: 2}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			n := explore(t, tc.memory, tc.jobs, tc.left)
			t.Logf("%d states", n)
			if n < 500 {
				t.Error("too few: the model does not do what it is to")
			}
		})
	}
}

// FuzzSchedule walks at random through what can happen to more workloads than can be explored.
func FuzzSchedule(f *testing.F) {
	for seed := range 64 {
		rng := rand.New(rand.NewPCG(uint64(seed), 1))
		walk := make([]byte, 400)
		for i := range walk {
			walk[i] = byte(rng.Uint32())
		}
		f.Add(walk)
	}
	f.Fuzz(func(t *testing.T, walk []byte) {
		jobs := []job{
			{"a", 1, 3, 4}, {"a", 1, 2, 2}, {"b", 2, 5, 0}, {"b", 1, 1, 1},
			{"a", 2, 8, 0}, {"a", 3, 2, 0}, {"b", 3, 9, 8}, {"b", 3, 7, 7},
		}
		w := newWorld(8, jobs, spare{cancels: 2, failures: 2, drains: 2, ticks: 20, shutdowns: 1, deaths: 2})
		for i, at := range walk {
			steps := w.enabled()
			if len(steps) == 0 {
				break
			}
			w.do(steps[int(at)%len(steps)])
			if err := w.check(); err != nil {
				t.Fatalf("after %d steps, the last %v: %v", i+1, steps[int(at)%len(steps)], err)
			}
		}
		if err := w.ends(); err != nil {
			t.Error(err)
		}
	})
}
