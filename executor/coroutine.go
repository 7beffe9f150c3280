package executor

import "iter"

// mostIdle bounds the coroutines that a worker keeps for the next fibers.
const mostIdle = 64

// coroutine is an [iter.Pull] coroutine that runs the bodies of fibers, one after the other. next resumes it, and a fiber's
// yield gives up the worker. Either is a direct switch of stacks on the same thread, without the Go scheduler. Successive
// calls of next may come from different goroutines.
type coroutine struct {
	next  func() (outcome, bool)
	fiber **Fiber // whose body next runs; nil ends the coroutine
}

func newCoroutine() coroutine {
	fiber := new(*Fiber)
	// stop is not needed: the coroutine is ended by a call of next without a fiber.
	next, _ := iter.Pull(func(yield func(outcome) bool) { runFibers(fiber, yield) })
	return coroutine{next, fiber}
}

// runFibers is the coroutine's function. After each fiber it waits among the idle coroutines of the worker that ran it.
func runFibers(fiber **Fiber, yield func(outcome) bool) {
	for f := *fiber; f != nil; f = *fiber {
		next := f.next
		f.yield = yield
		f.run()
		*fiber = nil
		if !f.use.idle.put(coroutine{next, fiber}) {
			return
		}
		yield(finished)
	}
}

// coroutines are a worker's idle ones, last in, first out. A new coroutine takes five times as long as an idle one, which
// also has a stack that has grown already.
type coroutines struct {
	idle []coroutine
}

// start gives a fiber a coroutine. It begins with f.next.
func (c *coroutines) start(f *Fiber) {
	var with coroutine
	if last := len(c.idle) - 1; last >= 0 {
		with, c.idle[last] = c.idle[last], coroutine{}
		c.idle = c.idle[:last]
	} else {
		with = newCoroutine()
	}
	*with.fiber = f
	f.next = with.next
}

// put keeps a coroutine. It returns false if there are enough.
func (c *coroutines) put(one coroutine) bool {
	if len(c.idle) == mostIdle {
		return false
	}
	c.idle = append(c.idle, one)
	return true
}

// close ends the coroutines.
func (c *coroutines) close() {
	for _, one := range c.idle {
		one.next()
	}
	c.idle = nil
}
