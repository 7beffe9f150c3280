package schedule

import (
	"fmt"
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
	var live, shorts, lines int
	k := &w.Scheduler.memory.keep
	for i, e := range w.entries {
		st := e.Stage()
		if st == lifecycle.Gone {
			continue
		}
		stages[st]++
		if st.Pending() {
			bytes += e.bytes
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
	m := &w.Scheduler.memory
	switch {
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

// checkPlace finds what is wrong with where an entry is.
func (w *world) checkPlace(e *Entry[int, string]) error {
	found := 0
	count := func(l *list[int, string], stage lifecycle.Stage) {
		for at := l.first; at != nil; at = at.next {
			if at == e {
				found++
				if e.in != l || e.Stage() != stage {
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
	if e.delay != nil && e.delay.alarm.In() && e.Stage() == lifecycle.Delayed {
		found++
	}
	want := 0
	if e.Stage().Pending() {
		want = 1
	}
	if found != want || l.waits() != (l.next != nil) || l.waits() && w.turn == nil {
		return fmt.Errorf("%d is %v and in %d places; its tenant waits: %v, in the ring: %v", e.Value, e.Stage(), found, l.waits(), l.next != nil)
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
			return fmt.Errorf("lost: %d is %v in the end, its fiber %d; %s", i, w.entries[i].Stage(), g.task, w)
		}
		if g.backed > 2+maxYields {
			return fmt.Errorf("%d was sent back %d times", i, g.backed)
		}
	}
	return w.check()
}

// String is all that tells one state of the world from another.
func (w *world) String() string {
	var b strings.Builder
	ids := func(l *list[int, string]) (s string) {
		for e := l.first; e != nil; e = e.next {
			s += fmt.Sprint(e.Value)
		}
		return s
	}
	passed := func(t time.Time) string {
		if t.IsZero() {
			return "-"
		}
		return fmt.Sprint(min(max(t.Sub(w.now), -3*time.Second), 10*time.Second))
	}
	for _, tenant := range []string{"a", "b"} {
		l := w.lines[tenant]
		if l == nil {
			continue
		}
		fmt.Fprintf(&b, "%s q%s r%s l%d turn%v", tenant, ids(&l.queue), ids(&l.ready), l.loading, w.turn == l)
		for c := range l.short {
			if l.short[c].first != nil {
				fmt.Fprintf(&b, " s%d:%s", c, ids(&l.short[c]))
			}
		}
	}
	for i, e := range w.entries {
		g := &w.guests[i]
		fmt.Fprintf(&b, "|%v %v %d %d %v %v", e.machine, e.live, g.task, g.holds, g.final, g.next != nil)
		if sh := e.share; sh != nil {
			fmt.Fprintf(&b, " %d %d %d %v %v %v %v", sh.reserved, sh.wants, sh.age, sh.leaving, sh.asking, sh.asked, sh.yielded)
			fmt.Fprint(&b, passed(sh.since))
		}
		if d := e.delay; d != nil {
			fmt.Fprint(&b, d.why.Trouble, passed(d.why.Until), passed(d.why.Deadline), d.alarm.In())
		}
	}
	m := &w.Scheduler.memory
	for _, e := range m.asking {
		fmt.Fprint(&b, " asks", e.Value)
	}
	fmt.Fprint(&b, " f", ids(&m.fresh))
	if k := &m.keep; k.entry != nil {
		fmt.Fprint(&b, " k", k.entry.Value, k.elders, passed(k.until), k.round)
		for i, e := range w.entries {
			if e.share != nil && e.share.order > k.before {
				fmt.Fprint(&b, "y", i)
			}
		}
	}
	for id := byte(1); id <= 3; id++ {
		if mod := w.modules[Key{id}]; mod != nil {
			fmt.Fprint(&b, " m", id, mod.users, mod.value, ids(&mod.waiting))
		}
		fmt.Fprint(&b, "e", w.estimates.of(Key{id}))
	}
	hand := -1
	if w.hand != nil {
		hand = w.hand.Value
	}
	fmt.Fprint(&b, hand, w.idle, w.loads, w.spare, w.Draining())
	return b.String()
}

// explore walks through every order in which the steps can come, and checks every state, and that from each of
// them everything comes to its end.
func explore(t *testing.T, memory int64, jobs []job, left spare) (states int) {
	t.Helper()
	type path struct {
		before *path
		step   step
	}
	replay := func(p *path) *world {
		var steps []step
		for ; p.before != nil; p = p.before {
			steps = append(steps, p.step)
		}
		w := newWorld(memory, jobs, left)
		for _, s := range slices.Backward(steps) {
			w.do(s)
		}
		return w
	}
	start := &path{}
	seen := map[string]bool{newWorld(memory, jobs, left).String(): true}
	for todo := []*path{start}; len(todo) > 0; {
		p := todo[0]
		todo = todo[1:]
		w := replay(p)
		err := w.check()
		steps := w.enabled()
		if err == nil {
			err = w.ends()
		}
		if err != nil {
			for ; p.before != nil; p = p.before {
				t.Logf("%v", p.step)
			}
			t.Fatalf("%v (the steps to it, the last first)", err)
		}
		for _, s := range steps {
			next := replay(p)
			next.do(s)
			if state := next.String(); !seen[state] {
				seen[state] = true
				todo = append(todo, &path{p, s})
			}
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
		w := newWorld(8, jobs, spare{cancels: 2, failures: 2, drains: 2, ticks: 20})
		for i, at := range walk {
			steps := w.enabled()
			if len(steps) == 0 {
				break
			}
			w.do(steps[int(at)%len(steps)])
			if err := w.check(); err != nil {
				t.Fatalf("after %d steps, the last %v: %v\n%v", i+1, steps[int(at)%len(steps)], err, w)
			}
		}
		if err := w.ends(); err != nil {
			t.Error(err)
		}
	})
}
