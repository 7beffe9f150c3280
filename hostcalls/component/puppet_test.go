package component

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
)

// op is an operation of puppet.wat: its number, the register of its result, and operands.
type op [5]uint32

// The operations of puppet.wat.
const (
	opEnd, opSet, opAdd, opStore, opLoad, opJump, opEqual, opWant, opShift, opShared   = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
	opReturn, opCancelled, opCancel, opDropSubtask                                     = 10, 11, 12, 13
	opNewSet, opWaitSet, opPoll, opDropSet, opJoin                                     = 14, 15, 16, 17, 18
	opIncPressure, opDecPressure, opYield, opGetContext, opSetContext                  = 19, 20, 21, 22, 23
	opStream, opRead, opWrite, opCancelRead, opCancelWrite, opDropReader, opDropWriter = 24, 25, 26, 27, 28, 29, 30
	opFuture, opReadFuture, opWriteFuture                                              = 31, 32, 33
	opCancelReadFuture, opCancelWriteFuture, opDropFuture, opDropPromise               = 34, 35, 36, 37
	opWait, opWaitSync, opPark, opParkSync, opPoke                                     = 38, 39, 40, 41, 42
	opPeer, opPeerSync, opPeerCall, opHost                                             = 43, 44, 45, 46
)

// What a core function with a callback returns, with the register of a set above.
const (
	exits  = 0
	yields = 1
)

const (
	blockedCopy = 0xffff_ffff
	room        = 1024 // an address that nothing else uses, of 3 KiB
)

// reg is the operand that is the value of a register. After a callback 61 to 63 are its event.
func reg(n uint32) uint32 { return 0xee00_0000 | n }

// waitFor are the operations after which a call waits for a set in a register, by its callback; tmp is a register.
func waitFor(set, tmp uint32) []op {
	return []op{
		{opSet, tmp, reg(set)}, {opAdd, tmp, reg(tmp), reg(tmp)}, {opAdd, tmp, reg(tmp), reg(tmp)}, {opAdd, tmp, reg(tmp), reg(tmp)},
		{opAdd, tmp, reg(tmp), reg(tmp)}, {opAdd, tmp, reg(tmp), 2}, {opEnd, 0, reg(tmp)},
	}
}

// script makes a script of operations and lists of them.
func script(parts ...any) (v value.Value) {
	for _, part := range parts {
		ops, ok := part.([]op)
		if !ok {
			ops = []op{part.(op)}
		}
		for _, o := range ops {
			v.Items = append(v.Items, u32s(o[:]...)...)
		}
	}
	return v
}

// What poke does, by its argument: else it is noted.
const (
	finishes = 1000 // the operation of that number ends
	wakes    = 2000 // the thread of the host of that number does
	feeds    = 3000 // sources and sinks go on that wait
)

// stage is what puppets act with: the functions of test:host/puppets.
type stage struct {
	onPoke   func(n uint32)
	careless bool // poke may name what there is not

	pokes   []uint32
	ops     map[uint32]*Operation
	parked  map[uint32]*bell
	ends    []*HostEnd
	fed     bool
	open    int // producers and consumers that were not stopped
	begun   int
	written []byte
	texts   []string
}

// bell is a notifier.
type bell struct {
	mu   sync.Mutex
	rung bool
	wake func()
}

func (b *bell) Notify(wake func()) (stop func()) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wake = wake; b.rung {
		wake()
	}
	return func() {}
}

func (b *bell) ring() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.rung = true; b.wake != nil {
		b.wake()
	}
}

func newStage() *stage { return &stage{ops: map[uint32]*Operation{}, parked: map[uint32]*bell{}} }

func (g *stage) config() Config {
	return Config{Interfaces: []Interface{{Name: "test:host/puppets", Version: "0.1.0", Functions: []Function{
		{Name: "wait", Type: "async func(id: u32) -> u32", Later: true, Call: g.wait},
		{Name: "park", Type: "async func(id: u32) -> u32", Call: g.park},
		{Name: "poke", Type: "func(n: u32) -> u32", Call: g.poke},
		{Name: "peer", Type: "async func(script: list<u32>) -> u32", Later: true, Call: func(c *Call) {
			c.Args.List()
			c.Results.U32(99)
		}},
		{Name: "source", Type: "func(kind: u32) -> stream<u8>", Call: func(c *Call) {
			p := &producer{end: end0{stage: g}, kind: c.Args.U32()}
			h, readable := c.Store().NewStream(c.Results.Type(), p)
			g.opened(h, &p.end)
			c.Results.Stream(readable)
		}},
		{Name: "sink", Type: "func(kind: u32, from: stream<u8>)", Call: g.sink},
		{Name: "promise", Type: "func(kind: u32) -> future<string>", Call: func(c *Call) {
			p := &producer{end: end0{stage: g}, kind: c.Args.U32()}
			h, readable := c.Store().NewFuture(c.Results.Type(), p)
			g.opened(h, &p.end)
			c.Results.Future(readable)
		}},
		{Name: "await", Type: "func(kind: u32, of: future<string>)", Call: g.sink},
	}}}}
}

// wait answers at once if id is 0. From 100 on it can't be cancelled.
func (g *stage) wait(c *Call) {
	id := c.Args.U32()
	if id == 0 {
		c.Results.U32(7)
		return
	}
	o := &Operation{Op: hostcalls.Op{Kind: hostcalls.OpTimer}, Finish: func(c *Call) { c.Results.U32(id * 10) }}
	if id < 100 { // it is begun until it is over or given up
		g.begun++
		o.Finish = func(c *Call) {
			g.begun--
			c.Results.U32(id * 10)
		}
		o.Cancel = func() { g.begun-- }
	}
	g.ops[id] = o
	c.Later(o)
}

func (g *stage) park(c *Call) {
	id := c.Args.U32()
	b := &bell{}
	g.parked[id] = b
	for !b.rung && id > 0 {
		c.AwaitAny(time.Time{}, hostcalls.Wait{Op: hostcalls.Op{Kind: hostcalls.OpTimer}, On: b})
	}
	c.Results.U32(id * 10)
}

func (g *stage) poke(c *Call) {
	switch n := c.Args.U32(); {
	case g.onPoke != nil:
		g.onPoke(n)
	case n >= feeds:
		g.fed = true
		for _, h := range g.ends {
			h.Wake()
		}
	case n >= wakes:
		if b := g.parked[n-wakes]; b != nil || !g.careless {
			b.ring()
		}
	case n >= finishes:
		o := g.ops[n-finishes]
		if o == nil && g.careless {
			break
		}
		o.Done()
		o.Done()
	default:
		g.pokes = append(g.pokes, n)
	}
	c.Results.U32(uint32(len(g.pokes)))
}

func (g *stage) sink(c *Call) {
	k := &consumer{end: end0{stage: g}, kind: c.Args.U32()}
	var readable uint64
	if c.Args.Type().Kind == types.Future {
		readable = c.Args.Future()
	} else {
		readable = c.Args.Stream()
	}
	g.opened(c.Store().Consume(readable, k), &k.end)
}

func (g *stage) opened(h *HostEnd, e *end0) {
	e.host = h
	g.ends = append(g.ends, h)
	g.open++
}

// end0 is what producers and consumers of tests have in common.
type end0 struct {
	stage *stage
	host  *HostEnd
	moved int
	stops int
}

func (e *end0) stop() {
	e.stage.open--
	if e.stops++; e.stops > 1 {
		panic("an end of the host is stopped twice")
	}
}

// The kinds of sources and sinks.
const (
	all    = iota // without an end
	ten           // bytes, and then it ends
	fed           // when poked to
	single        // one byte at a time, 20 in all
	never
)

// take returns how many of n bytes it moves now, and whether there are more.
func (e *end0) take(kind uint32, n int) (moved int, more bool) {
	switch {
	case kind == never, kind == fed && !e.stage.fed:
		return 0, true
	case kind == ten:
		n = min(n, 10-e.moved)
		e.moved += n
		return n, e.moved < 10
	case kind == single:
		e.moved++
		e.host.Wake()
		return 1, e.moved < 20
	}
	e.moved += n
	return n, true
}

type producer struct {
	end  end0
	kind uint32
}

func (p *producer) Produce(to *Items) bool {
	if p.host().end.Future() {
		if p.kind == never || p.kind == fed && !p.end.stage.fed {
			return true
		}
		to.Writer(1).String("hello")
		return false
	}
	n, more := p.end.take(p.kind, to.Len())
	for i := range to.Bytes()[:n] {
		to.Bytes()[i] = byte(i)
	}
	to.Moved(n)
	return more
}
func (p *producer) host() *HostEnd { return p.end.host }
func (p *producer) Stop()          { p.end.stop() }

type consumer struct {
	end  end0
	kind uint32
}

func (k *consumer) Consume(from *Items) bool {
	if k.end.host.end.Future() {
		k.end.stage.texts = append(k.end.stage.texts, from.Reader(1).String())
		return false
	}
	n, more := k.end.take(k.kind, from.Len())
	k.end.stage.written = append(k.end.stage.written, from.Bytes()[:n]...)
	from.Moved(n)
	return more
}
func (k *consumer) Stop(bool) { k.end.stop() }

// puppets makes a node for puppets, and serves one.
func puppets(t testing.TB, config abi.Config, spec executor.TaskSpec) (*stage, *service) {
	t.Helper()
	g := newStage()
	n := newNode(t, g.config())
	return g, n.serve(n.load("puppet"), config, spec)
}

// wantTrap says that an error is a trap with a text.
func wantTrap(t testing.TB, err error, text string) {
	t.Helper()
	if trap, ok := errors.AsType[*engine.Trap](err); !ok || !strings.Contains(trap.Message, text) {
		t.Errorf("%v, want a trap with %q", err, text)
	}
}
