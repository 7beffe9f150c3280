package pipes

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Bytes is how much a pipe holds. The memory counts as the reader's.
	Bytes = 64 << 10
	// recheck is how soon a partner is looked at again whose end is being recorded.
	recheck = 100 * time.Millisecond
)

// End is how an attempt ended.
type End uint8

// The ends.
const (
	Exited End = iota // the guest ended by itself, with whatever code
	Failed            // it was ended
	Again             // it will have another attempt: the node was short of memory, or it had not started yet
)

func (e End) String() string {
	switch e {
	case Exited:
		return "has ended"
	case Failed:
		return "did not end by itself"
	default:
		return "was sent back to the queue, for the node's memory, after it had used the pipe"
	}
}

// Standing is what is known of a workload.
type Standing uint8

// The standings.
const (
	Unknown Standing = iota // it does not exist, or is not of the tenant
	Ending                  // its end, or its return to the queue, is being recorded
	Ended                   // it has ended
	Other                   // it does not name its partner
	Coming                  // it names its partner, and has not ended
)

// Config is what Pipes works with.
type Config struct {
	// Look returns how the workload on a side of a pair stands. It may block. An error is one of the store's, which does
	// not last.
	Look func(pair Pair, side Side) (Standing, error)
	// Patience is how long a workload waits for one that was not submitted.
	Patience time.Duration
}

// Pipes has the pipes between workloads.
type Pipes struct {
	cfg   Config
	count atomic.Int64 // of the table's links, so that most ends take no lock

	// mu guards the fields below, and the links.
	mu     sync.Mutex
	table  table
	timers map[*link]*time.Timer // of links with a partner that has not come
	closed bool
	looks  sync.WaitGroup // timers that look for a partner
}

// New returns a Pipes without pipes.
func New(cfg Config) *Pipes {
	return &Pipes{cfg: cfg, table: newTable(), timers: map[*link]*time.Timer{}}
}

// Close stops looking for partners that have not come.
func (p *Pipes) Close() {
	p.mu.Lock()
	p.closed = true
	for l := range p.timers {
		p.stopTimer(l)
	}
	p.mu.Unlock()
	p.looks.Wait()
}

// JoinFrom joins a pair for an attempt of the workload that writes. It may block.
func (p *Pipes) JoinFrom(pair Pair) *Writer {
	w := &Writer{}
	p.join(pair, From, &w.stream)
	return w
}

// JoinTo joins a pair for an attempt of the workload that reads. It may block.
func (p *Pipes) JoinTo(pair Pair) *Reader {
	r := &Reader{}
	p.join(pair, To, &r.stream)
	return r
}

func (p *Pipes) join(pair Pair, side Side, s *stream) {
	s.pipes, s.side, s.peer = p, side, pair.Workload(side.other())
	p.mu.Lock()
	l := p.table.join(pair, side, &s.use)
	p.changed()
	alone := l.sides[side] == joined && l.sides[side.other()] == awaited
	if l.sides[side] == joined {
		s.link = l
	} else {
		s.gone = l.why[side]
	}
	if !alone {
		p.stopTimer(l)
	}
	p.mu.Unlock()
	if alone {
		p.look(l, side.other(), p.cfg.Patience)
	}
}

// look looks for a partner that has not joined. One that does not exist has left if it does not after patience, either.
func (p *Pipes) look(l *link, side Side, patience time.Duration) {
	standing, err := p.cfg.Look(l.pair, side)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed || l.sides[side] != awaited {
		return
	}
	who := nameOf(l.pair.Workload(side))
	switch {
	case err != nil:
		p.later(l, side, time.Second, patience)
	case standing == Ending:
		p.later(l, side, recheck, patience)
	case standing == Unknown && patience > 0:
		p.later(l, side, patience, 0)
	case standing == Unknown:
		p.table.leave(l, side, false, who+" was not submitted within "+p.cfg.Patience.String())
	case standing == Other:
		p.table.leave(l, side, false, who+" has another partner")
	case standing == Ended:
		p.table.leave(l, side, false, who+" had ended")
	}
	p.changed()
}

// later looks again after a time. mu is held.
func (p *Pipes) later(l *link, side Side, after, patience time.Duration) {
	p.stopTimer(l)
	p.looks.Add(1)
	p.timers[l] = time.AfterFunc(after, func() {
		defer p.looks.Done()
		p.look(l, side, patience)
	})
}

// stopTimer stops looking for the partner of a link. mu is held.
func (p *Pipes) stopTimer(l *link) {
	if timer := p.timers[l]; timer != nil {
		if timer.Stop() {
			p.looks.Done()
		}
		delete(p.timers, l)
	}
}

// OnEnd is called when the end of a workload, or of an attempt, is about to be recorded.
func (p *Pipes) OnEnd(tenant, id string, how End) {
	if p.count.Load() == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.table.end(tenant, id, how)
	p.changed()
}

// Awaits reports whether a workload of the pair has joined it, and still waits for the one on a side.
func (p *Pipes) Awaits(pair Pair, side Side) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	l := p.table.links[pair]
	return l != nil && l.sides[side] == awaited
}

// changed is called when the table may have changed. mu is held.
func (p *Pipes) changed() {
	p.count.Store(int64(len(p.table.links)))
	for _, l := range p.table.takeForgotten() {
		p.stopTimer(l)
	}
}

// whyLeft says why a side has left, if it has.
func (p *Pipes) whyLeft(l *link, side Side) string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return l.why[side]
}
