package async

// Store is what of a component can run: the calls of all its instances. The zero value is empty.
type Store struct {
	runnable instanceQueue // instances of which a thread may be ready
}

// Next takes a thread that is ready, or returns nil. Instances take turns; within one the thread comes first that has been
// ready, or has waited to begin, for longest. The driver calls the thread's Resume before anything else.
func (s *Store) Next() *Thread {
	for i := s.runnable.pop(); i != nil; i = s.runnable.pop() {
		if t := i.next(); t != nil {
			s.runnable.push(i)
			return t
		}
	}
	return nil
}

// Instance is the state of a component instance that its calls share.
type Instance struct {
	Number int // by which the driver finds its record of the instance

	store        *Store
	backpressure uint32
	exclusive    *Call // that runs now, and no other call that needs exclusive may; nil: none
	clock        uint64

	gate      threadQueue // calls that wait to begin, and need exclusive
	freeGate  threadQueue // calls that wait to begin, and do not: one that is held up for exclusive does not hold them up
	callbacks threadQueue // that need exclusive, and seem ready
	stacks    threadQueue // with frames, and ready

	nextRunnable *Instance
	isRunnable   bool
}

// Init makes a zero instance one of a store.
func (i *Instance) Init(s *Store) { i.store = s }

// next is Store.Next for the threads of one instance.
func (i *Instance) next() *Thread {
	return ready(func() *threadQueue { return i.first(&i.stacks, &i.callbacks, &i.gate, &i.freeGate) })
}

// NextBegun is Store.Next for the threads of the instance whose calls have begun. While a call of a synchronous function waits,
// nothing else may run.
func (i *Instance) NextBegun() *Thread {
	return ready(func() *threadQueue { return i.first(&i.stacks, &i.callbacks) })
}

// ready takes the first thread that is ready from the queues that first returns.
func ready(first func() *threadQueue) *Thread {
	for q := first(); q != nil; q = first() {
		if t := q.pop(); t.isReady() {
			return t
		}
	}
	return nil
}

// first returns the queue with the thread that is the next one, or nil.
func (i *Instance) first(queues ...*threadQueue) (first *threadQueue) {
	for _, q := range queues {
		switch {
		case q.head == nil, q == &i.callbacks && i.exclusive != nil, q.head.waits == toBegin && !i.admits(q.head.call):
		case first == nil || q.head.since < first.head.since:
			first = q
		}
	}
	return first
}

// admits reports whether a call may begin, if no other one waits for it.
func (i *Instance) admits(c *Call) bool {
	return i.backpressure == 0 && (!c.needsExclusive() || i.exclusive == nil)
}

// stirred notes that a thread of the instance may have become ready.
func (i *Instance) stirred() { i.store.runnable.push(i) }

// IncBackpressure keeps further calls of asynchronous functions from beginning.
func (i *Instance) IncBackpressure() error {
	if i.backpressure == maxBackpressure {
		return errBackpressure
	}
	i.backpressure++
	return nil
}

// DecBackpressure undoes one IncBackpressure.
func (i *Instance) DecBackpressure() error {
	if i.backpressure == 0 {
		return errNoBackpressure
	}
	if i.backpressure--; i.backpressure == 0 {
		i.stirred()
	}
	return nil
}

// Backpressure returns how often it was increased and not decreased.
func (i *Instance) Backpressure() int { return int(i.backpressure) }

// Waiting returns the number of calls that wait to begin.
func (i *Instance) Waiting() int { return i.gate.len + i.freeGate.len }

// Exclusive returns the call that keeps others from running that need exclusive, or nil.
func (i *Instance) Exclusive() *Call { return i.exclusive }

// instanceQueue is a queue of instances, each at most once.
type instanceQueue struct{ head, tail *Instance }

func (q *instanceQueue) push(i *Instance) {
	if i.isRunnable {
		return
	}
	i.isRunnable = true
	if q.head == nil {
		q.head = i
	} else {
		q.tail.nextRunnable = i
	}
	q.tail = i
}

func (q *instanceQueue) pop() *Instance {
	i := q.head
	if i != nil {
		q.head, i.nextRunnable, i.isRunnable = i.nextRunnable, nil, false
	}
	return i
}
