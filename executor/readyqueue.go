package executor

import "math"

const (
	// resumeCost is the minimum charge for a resume, in fuel: about what switching to a fiber and
	// back costs. Without it a tenant whose tasks only wake and park would run for free.
	resumeCost = 500
	// backgroundShare is the guaranteed share of a tenant's background class: one quantum in eight.
	backgroundShare = 8
	// timedLead is how much more fuel than the foreground tasks that timers woke may burn while the foreground waits,
	// in quanta. So a burst of timers does not wait, but in the long run the foreground gets half.
	timedLead = 1
	// heavyShare makes a task heavy that burnt more than that part of a quantum the last two times it was resumed. Once
	// may be because the system stopped the worker.
	heavyShare = 8
	// rebaseAt is the virtual time at which all virtual times are set back, before they overflow. It
	// takes years to reach.
	rebaseAt = math.MaxInt64 / 2
)

// class is the part of its tenant's queue that a ready task waits in.
type class uint8

const (
	// timed is for tasks that a timer woke, and that are not heavy: they asked to be resumed at a certain moment.
	timed class = iota
	// foreground is for other tasks that were woken: most of them will soon wait again.
	foreground
	// background is for tasks that used up a quantum, and for new ones.
	background

	classes = iota
)

// marks are what is known of a task besides its class. They share a byte, so that what a wake-up touches of a task fits a cache line.
type marks uint8

const (
	// burntOnce and burntAgain: it burnt much when it was resumed last, and the time before that, too.
	burntOnce marks = 1 << iota
	burntAgain
	// uncounted is TaskSpec.Uncounted.
	uncounted
)

// heavy reports whether the task burnt much twice in a row.
func (m marks) heavy() bool { return m&burntAgain != 0 }

// settle notes whether the task burnt much when it was resumed.
func (m *marks) settle(much bool) {
	switch {
	case !much:
		*m &^= burntOnce | burntAgain
	case *m&burntOnce != 0:
		*m |= burntAgain
	default:
		*m |= burntOnce
	}
}

// readyQueue decides which task runs next. It is a plain value: no lock, no clock.
//
// Among tenants it is start-time fair queueing. Each tenant has a virtual time, which advances by
// the fuel that its tasks burn, divided by its weight. The tenant with the lowest virtual time is
// next. So over any period, tenants with work to do burn fuel in proportion to their weights. A task
// is charged its expected fuel when it is taken, and the difference when it is settled; if it were
// charged only when settled, idle workers would all go to the same tenant. A tenant that had nothing
// ready and comes back takes the current virtual time if its own is lower: it is served soon, but
// does not catch up on what it left unused.
//
// Within a tenant there are three classes, each first in, first out. Tasks that were woken go before the background, so
// that a task that waits for I/O does not also wait for tasks that compute. But the fuel that they burn while the
// background waits is counted, and for every seven quanta of it the background gets one. A task that burns a whole quantum
// goes to the background, so tasks that compute do not stay among those that were woken.
//
// Of the tasks that were woken, those that a timer woke go before the foreground: a thousand sockets that are ready at once
// would make a timer late by the time of a thousand tasks, whereas one more timer makes a socket late by the time of one.
// But the fuel that they burn while the foreground waits is counted, too. If it is a quantum more than what the foreground
// burns, the foreground goes first until it is less. So guests that sleep for a moment again and again do not stop the rest.
// And a task that burns much whenever a timer wakes it makes all other timers late: it goes with the foreground.
type readyQueue struct {
	quantum int64
	heap    tenantHeap         // tenants with ready tasks, by virtual time
	now     int64              // the virtual time of the tenant served last; it never goes back
	tenants map[string]*tenant // by name
	sweepAt int                // the number of tenants at which idle ones are forgotten
	len     int                // ready tasks
	inFront int                // those of them that are foreground
}

// tenant is one tenant's part of the queue.
type tenant struct {
	name    string
	weight  int64
	pinned  bool  // its weight was set, so it is not forgotten
	vtime   int64 // virtual time: fuel burnt, divided by weight
	residue int64 // remainder of that division, in fuel
	pos     int   // index in the heap plus one; 0 if it has no ready task
	tasks   int   // tasks that have not ended
	owed    int64 // fuel burnt by tasks that were woken, while the background waited
	lead    int64 // fuel burnt by tasks that timers woke, while the foreground waited, beyond what it has burnt itself
	ready   [classes]taskList
}

func newReadyQueue(quantum int64) readyQueue {
	return readyQueue{quantum: quantum, tenants: make(map[string]*tenant), sweepAt: 64}
}

// tenant returns the tenant of that name.
func (q *readyQueue) tenant(name string) *tenant {
	if tn := q.tenants[name]; tn != nil {
		return tn
	}
	if len(q.tenants) >= q.sweepAt {
		q.sweep()
		q.sweepAt = max(2*len(q.tenants), 64)
	}
	tn := &tenant{name: name, weight: 1}
	q.tenants[name] = tn
	return tn
}

// sweep forgets tenants that have no task, unless they are ahead of the current virtual time: those
// would gain by coming back as new tenants.
func (q *readyQueue) sweep() {
	for name, tn := range q.tenants {
		if tn.tasks == 0 && !tn.pinned && tn.vtime <= q.now {
			delete(q.tenants, name)
		}
	}
}

// setWeight sets a tenant's weight, for the fuel it burns from now on.
func (q *readyQueue) setWeight(name string, weight int) {
	tn := q.tenant(name)
	tn.weight, tn.pinned, tn.residue = int64(max(weight, 1)), true, 0
}

// push makes a task ready. The task must not be in the queue.
func (q *readyQueue) push(t *Task, c class) {
	tn := t.tenant
	if c == timed && t.marks.heavy() {
		c = foreground
	}
	t.class = c
	tn.ready[c].push(t)
	q.len++
	if c == foreground {
		q.inFront++
	}
	if tn.pos != 0 {
		return
	}
	tn.vtime = max(tn.vtime, q.now)
	q.heap.push(tn)
}

// take removes and returns the next task, or returns nil. The caller must pass the task to settle
// afterwards.
func (q *readyQueue) take() *Task {
	tn := q.heap.first()
	if tn == nil {
		return nil
	}
	q.now = max(q.now, tn.vtime)
	t := tn.next(q.quantum)
	q.len--
	if t.class == foreground {
		q.inFront--
	}
	tn.charge(q.expected(t))
	if tn.ready[timed].first == nil && tn.ready[foreground].first == nil && tn.ready[background].first == nil {
		q.heap.remove(tn)
	} else {
		q.heap.down(0)
	}
	return t
}

// expected returns the fuel that a task is expected to burn.
func (q *readyQueue) expected(t *Task) int64 {
	if t.class == background {
		return q.quantum
	}
	return resumeCost
}

// next takes the tenant's next task.
func (tn *tenant) next(quantum int64) *Task {
	woken, back := tn.woken(quantum), &tn.ready[background]
	switch {
	case back.first == nil:
		return woken.pop()
	case woken.first == nil:
		return back.pop()
	case tn.owed >= (backgroundShare-1)*quantum:
		tn.owed -= (backgroundShare - 1) * quantum
		return back.pop()
	default:
		return woken.pop()
	}
}

// woken returns the list of the next task that was woken; it is empty if there is none.
func (tn *tenant) woken(quantum int64) *taskList {
	byTimer, fore := &tn.ready[timed], &tn.ready[foreground]
	if byTimer.first == nil || fore.first != nil && tn.lead >= timedLead*quantum {
		return fore
	}
	return byTimer
}

// settle charges the tenant for the fuel that a taken task has burnt. It is called before the task is
// pushed again.
func (q *readyQueue) settle(t *Task, burnt int64) {
	tn := t.tenant
	cost := max(burnt, resumeCost)
	t.marks.settle(cost > q.quantum/heavyShare)
	switch {
	case tn.ready[background].first == nil:
		tn.owed = 0
	case t.class != background:
		tn.owed += cost
	}
	turn := min(cost, q.quantum) // more was charged by time: the system stopped the worker, or the next turns are shorter
	switch {
	case tn.ready[foreground].first == nil:
		tn.lead = 0
	case t.class == timed:
		tn.lead += turn
	case t.class == foreground:
		tn.lead = max(tn.lead-turn, 0)
	}
	tn.charge(cost - q.expected(t))
	if tn.pos != 0 {
		q.heap.restore(tn.pos - 1)
	}
	if tn.vtime >= rebaseAt {
		q.rebase()
	}
}

// charge advances the tenant's virtual time. The residue makes the division exact in the long run.
func (tn *tenant) charge(fuel int64) {
	if tn.weight == 1 {
		tn.vtime += fuel
		return
	}
	tn.residue += fuel
	tn.vtime += tn.residue / tn.weight
	tn.residue %= tn.weight
}

// rebase subtracts the current virtual time from all. The order of tenants that are ahead is kept.
func (q *readyQueue) rebase() {
	for _, tn := range q.tenants {
		tn.vtime = max(tn.vtime-q.now, 0)
	}
	q.now = 0
	q.heap.fix()
}

// taskList is an intrusive first-in, first-out list of tasks.
type taskList struct{ first, last *Task }

func (l *taskList) push(t *Task) {
	if l.first == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
}

func (l *taskList) pop() *Task {
	t := l.first
	l.first, t.next = t.next, nil
	if l.first == nil {
		l.last = nil
	}
	return t
}

// tenantHeap is a binary min-heap of tenants by virtual time. Each tenant's pos is its index plus one.
//
// Rejected: package heap (a turn among a hundred tenants takes 35 ns instead of 29: its wide nodes pay off for timers,
// most of which are not in the cache).
type tenantHeap []*tenant

func (h tenantHeap) first() *tenant {
	if len(h) == 0 {
		return nil
	}
	return h[0]
}

func (h *tenantHeap) push(tn *tenant) {
	*h = append(*h, tn)
	tn.pos = len(*h)
	h.up(tn.pos - 1)
}

func (h *tenantHeap) remove(tn *tenant) {
	old := *h
	i, last := tn.pos-1, len(old)-1
	old[i] = old[last]
	old[i].pos = i + 1
	old[last] = nil
	*h = old[:last]
	tn.pos = 0
	if i < last {
		h.restore(i)
	}
}

// restore restores the order after the virtual time of tenant i has changed.
func (h tenantHeap) restore(i int) {
	h.up(i)
	h.down(i)
}

func (h tenantHeap) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if h[parent].vtime <= h[i].vtime {
			return
		}
		h.swap(i, parent)
		i = parent
	}
}

// down moves tenant i below tenants of a lower or equal virtual time: equal ones take turns.
func (h tenantHeap) down(i int) {
	for {
		least := 2*i + 1
		if right := least + 1; right < len(h) && h[right].vtime < h[least].vtime {
			least = right
		}
		if least >= len(h) || h[least].vtime > h[i].vtime {
			return
		}
		h.swap(i, least)
		i = least
	}
}

func (h tenantHeap) swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].pos, h[j].pos = i+1, j+1
}

// fix restores the order after all virtual times may have changed.
func (h tenantHeap) fix() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}
