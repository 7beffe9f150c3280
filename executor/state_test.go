package executor

import (
	"fmt"
	"testing"
)

var allStates = []state{
	queued, queued | notified, running, running | notified, parked, woken, done,
}

// TestTransitions tests every transition of every state. A state that is not listed under a transition refuses it.
func TestTransitions(t *testing.T) {
	type result struct {
		next state
		told bool // enqueue, or wasNotified
	}
	plain := func(step func(state) state) func(state) (state, bool) {
		return func(s state) (state, bool) { return step(s), false }
	}
	tests := []struct {
		name string
		step func(state) (state, bool)
		want map[state]result
	}{
		{"wake", state.wake, map[state]result{
			queued:             {queued | notified, false},
			queued | notified:  {queued | notified, false},
			running:            {running | notified, false},
			running | notified: {running | notified, false},
			parked:             {woken, true},
			woken:              {woken, false},
			done:               {done, false},
		}},
		{"resume", plain(state.resume), map[state]result{
			queued:            {running, false},
			queued | notified: {running | notified, false},
			woken:             {running, false},
		}},
		{"consume", state.consume, map[state]result{
			running:            {running, false},
			running | notified: {running, true},
		}},
		{"park", state.park, map[state]result{
			running:            {parked, false},
			running | notified: {woken, true},
		}},
		{"preempt", plain(state.preempt), map[state]result{
			running:            {queued, false},
			running | notified: {queued | notified, false},
		}},
		{"finish", plain(state.finish), map[state]result{
			running:            {done, false},
			running | notified: {done, false},
		}},
	}
	for _, tt := range tests {
		for _, from := range allStates {
			t.Run(fmt.Sprintf("%s/%s", tt.name, from), func(t *testing.T) {
				want, allowed := tt.want[from]
				defer func() {
					if r := recover(); (r == nil) != allowed {
						t.Errorf("recovered %v, allowed: %v", r, allowed)
					}
				}()
				next, told := tt.step(from)
				if (result{next, told}) != want {
					t.Errorf("= %s, %v, want %s, %v", next, told, want.next, want.told)
				}
			})
		}
	}
}

// A model of one task, its body, the workers, its wakers and its canceller. Each step is one atomic action of one of
// them, as in the code; model.explore walks through every order in which the steps can come.
//
// The body waits until all events have happened: it looks, and parks if one is missing. Now and
// then it is preempted. If it is cancelled it ends.
type model struct {
	state  state
	queue  int // how often the task is in the ready queue
	events int // how many have happened
	cause  bool

	wakers     [3]wakerStep
	canceller  wakerStep
	worker     workerStep
	seen       int // how many events the body saw when it last looked
	sawCause   bool
	preempting int // how often the body will still be preempted
}

type wakerStep int

const (
	toAct     wakerStep = iota // set the event, or the cause
	toWake                     // the transition
	toEnqueue                  // it was told to
	acted
)

type workerStep int

const (
	toTake    workerStep = iota
	toResume             // it has the task
	toLook               // the body looks at events and cause
	toConsume            // the body goes into Park, or returns Again
	toPark               // the fiber has come back, parking
	toPreempt            // the fiber has come back, preempted
	toRequeue            // it was told to
	toFinish             // the body has returned
	over                 // the task is done
)

// successors returns every model that is one step away.
func (m model) successors() []model {
	var out []model
	wakerSteps := func(get func(*model) *wakerStep, act func(*model)) {
		n := m
		step := get(&n)
		switch *step {
		case toAct:
			act(&n)
			*step = toWake
		case toWake:
			*step = acted
			if n.state != done {
				next, enqueue := n.state.wake()
				n.state = next
				if enqueue {
					*step = toEnqueue
				}
			}
		case toEnqueue:
			n.queue++
			*step = acted
		case acted:
			return
		}
		out = append(out, n)
	}
	for i := range m.wakers {
		wakerSteps(func(n *model) *wakerStep { return &n.wakers[i] }, func(n *model) { n.events++ })
	}
	wakerSteps(func(n *model) *wakerStep { return &n.canceller }, func(n *model) { n.cause = true })
	return append(out, m.workerSuccessors()...)
}

func (m model) workerSuccessors() []model {
	n := m
	switch m.worker {
	case toTake:
		if n.queue == 0 {
			return nil
		}
		n.queue--
		n.worker = toResume
	case toResume:
		n.state = n.state.resume()
		n.worker = toLook
	case toLook:
		n.seen, n.sawCause = n.events, n.cause
		switch {
		case n.sawCause || n.seen == len(n.wakers):
			n.worker = toFinish
		default:
			n.worker = toConsume
		}
		if m.preempting > 0 { // it may be preempted here, or not
			p := n
			p.worker = toPreempt
			p.preempting--
			return []model{n, p}
		}
	case toConsume:
		next, wasNotified := n.state.consume()
		n.state = next
		n.worker = toPark
		if wasNotified {
			n.worker = toLook
		}
	case toPark:
		next, enqueue := n.state.park()
		n.state = next
		n.worker = toTake
		if enqueue {
			n.worker = toRequeue
		}
	case toPreempt:
		n.state = n.state.preempt()
		n.worker = toRequeue
	case toRequeue:
		n.queue++
		n.worker = toTake
	case toFinish:
		n.state = n.state.finish()
		n.worker = over
	case over:
		return nil
	}
	return []model{n}
}

// check returns what is wrong with the model, if anything.
func (m model) check(stuck bool) error {
	// Those that hold the task on its way into the queue count as the queue's.
	onTheWay := m.queue
	for _, w := range append(m.wakers[:], m.canceller) {
		if w == toEnqueue {
			onTheWay++
		}
	}
	if m.worker == toRequeue {
		onTheWay++
	}
	ready := m.state.phase() == queued || m.state == woken
	taken := m.worker == toResume
	switch {
	case onTheWay > 1:
		return fmt.Errorf("doubled: it is in the ready queue %d times", onTheWay)
	case ready != (onTheWay == 1 || taken):
		return fmt.Errorf("%s, but in the queue: %v, taken: %v", m.state, onTheWay == 1, taken)
	case m.state == parked && m.worker != toTake:
		return fmt.Errorf("parked, and on a worker")
	case stuck && m.worker != over:
		return fmt.Errorf("lost: nobody has a step to do, and the task is %s with %d of %d events seen", m.state, m.seen, m.events)
	}
	return nil
}

// TestEveryInterleaving has three wakers, a canceller that may or may not cancel, and a body that
// is preempted up to twice, do their steps in every possible order. In none is a wake-up lost or
// doubled. A body that returns Again does the same steps as one that parks.
func TestEveryInterleaving(t *testing.T) {
	for _, cancel := range []bool{false, true} {
		t.Run(fmt.Sprintf("cancel=%v", cancel), func(t *testing.T) {
			start := model{state: queued, queue: 1, preempting: 2, canceller: acted}
			if cancel {
				start.canceller = toAct
			}
			from := map[model]model{start: start} // how each was reached first
			todo := []model{start}
			for len(todo) > 0 {
				m := todo[len(todo)-1]
				todo = todo[:len(todo)-1]
				next := m.successors()
				if err := m.check(len(next) == 0); err != nil {
					for at := m; at != start; at = from[at] {
						t.Logf("%+v", at)
					}
					t.Fatal(err)
				}
				for _, n := range next {
					if _, known := from[n]; !known {
						from[n] = m
						todo = append(todo, n)
					}
				}
			}
			if len(from) < 1000 {
				t.Errorf("only %d models: the model does not do what it is to", len(from))
			}
			t.Logf("%d models", len(from))
		})
	}
}
