package driver

import "sync"

// pool runs blocking jobs on up to so many goroutines. A goroutine lives while there are jobs:
// starting one costs less than anything that is worth being called blocking, so none is kept.
type pool struct {
	threads int
	alive   sync.WaitGroup

	mu          sync.Mutex
	running     int
	first, last *job // the jobs that wait for a goroutine
	closed      bool
}

type job struct {
	run  func()
	next *job
}

// Go runs run on the blocking pool, after the jobs that were handed over before it have at least
// been started. It never blocks: what exceeds the bound waits in a queue that is as long as it
// gets, so what bounds the jobs under way is the number of those who wait for them.
//
// A job recovers its own panics, because only its owner can end the guest it works for. One that
// does not is a fault of the daemon's own code and ends the process like any other.
func (d *Driver) Go(run func()) {
	p := &d.pool
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		panic("driver: Go after Close")
	}
	j := &job{run: run}
	switch {
	case p.running < p.threads:
		p.running++
		p.alive.Go(func() { p.work(j) })
	case p.last == nil:
		p.first, p.last = j, j
	default:
		p.last.next, p.last = j, j
	}
}

// work runs j and then the jobs that wait, until none is left.
func (p *pool) work(j *job) {
	for j != nil {
		j.run()
		j = p.next()
	}
}

// next takes the first job that waits. If there is none the caller counts as ended.
func (p *pool) next() *job {
	p.mu.Lock()
	defer p.mu.Unlock()
	j := p.first
	if j == nil {
		p.running--
		return nil
	}
	if p.first = j.next; p.first == nil {
		p.last = nil
	}
	return j
}

// close refuses further jobs and waits for those there are.
func (p *pool) close() {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.alive.Wait()
}
