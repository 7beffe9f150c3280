package component

import (
	"errors"
	"flag"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
)

var (
	scripts = flag.Int("scripts", 200, "how many random scripts TestRandomScripts runs")
	seed    = flag.Uint64("seed", 1, "the seed of its first one")
)

// author writes random scripts. It knows which registers have handles of what, though not which were given up meanwhile.
type author struct {
	*rand.Rand
	ops     []op
	pressed int                   // backpressure, as far as it is known
	last    uint32                // register that was used
	handles map[handleOf][]uint32 // registers
}

type handleOf uint8

const (
	aSet handleOf = iota
	aReader
	aWriter
	aPromised
	aPromise
	aSubtask
	kindsOfHandles
)

func (a *author) write(ops ...op) { a.ops = append(a.ops, ops...) }

// fresh returns the first of n registers, after which the next ones are used.
func (a *author) fresh(n uint32) uint32 {
	if a.last+n >= 60 {
		a.last = 0
	}
	a.last += n
	return a.last - n + 2&^1 // the first of two is even
}

// some returns the operand of a handle, mostly of a kind.
func (a *author) some(kind handleOf) uint32 {
	if a.IntN(40) == 0 {
		kind = handleOf(a.IntN(int(kindsOfHandles)))
	}
	if known := a.handles[kind]; len(known) > 0 {
		return reg(known[a.IntN(len(known))])
	}
	return a.Uint32N(12)
}

// gone is some, for a handle that is given up.
func (a *author) gone(kind handleOf) uint32 {
	known := a.handles[kind]
	if len(known) == 0 {
		return a.some(kind)
	}
	i := a.IntN(len(known))
	r := known[i]
	a.handles[kind] = slices.Delete(known, i, i+1)
	return reg(r)
}

func (a *author) has(kind handleOf, r uint32) { a.handles[kind] = append(a.handles[kind], r) }

// unless writes operations that are left out if a register is 0.
func (a *author) unless(zero, tmp uint32, ops ...op) {
	a.write(op{opEqual, tmp, reg(zero), 0}, op{opJump, 0, reg(tmp), uint32(len(a.ops) + 2 + len(ops))})
	a.write(ops...)
}

// cancelled writes a copy, which is cancelled if it waits.
func (a *author) cancelled(r uint32, copies, cancels op) {
	a.write(copies, op{opEqual, r + 1, reg(r), blockedCopy})
	a.unless(r+1, r+1, cancels)
}

// lacks reports whether there is no handle of a kind, mostly.
func (a *author) lacks(kind handleOf) bool { return len(a.handles[kind]) == 0 && a.IntN(50) > 0 }

// needs has what a step takes.
var needs = map[int]handleOf{10: aReader, 11: aPromised, 13: aSet, 14: aSet, 15: aReader, 16: aWriter, 17: aPromised, 18: aPromise, 20: aSubtask}

// step writes an operation, or a few.
func (a *author) step() {
	at, n := room+8*a.Uint32N(16), []uint32{0, 1, 2, 40, 1000}[a.IntN(5)]
	id := a.Uint32N(4) * 40
	kind := a.IntN(24)
	if need, ok := needs[kind]; ok && a.lacks(need) {
		return
	}
	switch r := a.fresh(2); kind {
	case 0:
		a.write(op{opNewSet, r})
		a.has(aSet, r)
	case 1:
		a.write(op{opStream, r})
		a.has(aReader, r)
		a.has(aWriter, r+1)
	case 2:
		a.write(op{opFuture, r})
		a.has(aPromised, r)
		a.has(aPromise, r+1)
	case 3, 4:
		a.write(op{[]uint32{opWait, opPark}[a.IntN(2)], r, id, at}, op{opShift, r + 1, reg(r), 4})
		a.has(aSubtask, r+1)
	case 5:
		a.write(op{[]uint32{opWaitSync, opParkSync}[a.IntN(2)], r, id})
	case 6, 7: // the peer has a part of this script that is yet to come
		a.write(op{opPeer, r, at, uint32(len(a.ops)) + 2, 30}, op{opShift, r + 1, reg(r), 4})
		a.has(aSubtask, r+1)
	case 8:
		a.write(op{opHost, r, a.Uint32N(never + 1), 0})
		a.has(aReader, r)
	case 9:
		a.write(op{opHost, r, a.Uint32N(never + 1), 2})
		a.has(aPromised, r)
	case 10:
		a.write(op{opHost, 0, a.Uint32N(never + 1), 1, a.gone(aReader)})
	case 11:
		a.write(op{opHost, 0, all, 3, a.gone(aPromised)})
	case 12:
		a.write(op{opPoke, 0, []uint32{1, finishes + 40, finishes + 80, finishes + 120, wakes + 40, wakes + 80, feeds}[a.IntN(7)]}, op{opYield})
	case 13:
		kind := aReader + handleOf(a.IntN(int(aSubtask)))
		if a.lacks(kind) {
			return
		}
		w, set := a.some(kind), []uint32{0, a.some(aSet), a.some(aSet)}[a.IntN(3)]
		a.unless(w&63, r, op{opJoin, 0, w, set})
	case 14:
		a.write(op{opPoll, r, a.some(aSet), at})
	case 15:
		from := a.some(aReader)
		a.cancelled(r, op{opRead, r, from, at, n}, op{opCancelRead, r, from})
	case 16:
		to := a.some(aWriter)
		if a.IntN(2) == 0 {
			a.write(op{opWrite, r, to, at, n})
			break
		}
		a.cancelled(r, op{opWrite, r, to, at, n}, op{opCancelWrite, r, to})
	case 17:
		from := a.some(aPromised)
		a.cancelled(r, op{opReadFuture, r, from, at}, op{opCancelReadFuture, r, from})
	case 18:
		to := a.some(aPromise)
		a.cancelled(r, op{opWriteFuture, r, to, at + 64}, op{opCancelWriteFuture, r, to})
	case 19:
		if kind := aReader + handleOf(a.IntN(2)); !a.lacks(kind) {
			a.write(op{[]uint32{opDropReader, opDropWriter}[kind-aReader], 0, a.gone(kind)})
		}
	case 20:
		t := a.gone(aSubtask)
		a.unless(t&63, r, op{opJoin, 0, t, 0}, op{opCancel, r, t}, op{opDropSubtask, 0, t})
	case 21:
		switch change := a.IntN(4); {
		case change == 0:
			a.pressed++
			a.write(op{opIncPressure})
		case change == 1 && a.pressed > 0:
			a.pressed--
			a.write(op{opDecPressure})
		default:
			a.write(op{opPeerCall, r, 2})
		}
	case 22:
		a.write(op{opEnd, 0, yields})
	default:
		if known := a.handles[aSet]; len(known) > 0 {
			a.write(waitFor(known[0], r)...)
		}
	}
}

// randomScript makes a script whose operations mostly have handles of the right kind.
func randomScript(r *rand.Rand) value.Value {
	a := author{Rand: r, handles: map[handleOf][]uint32{}}
	for range 3 + r.IntN(25) {
		a.step()
	}
	a.write(op{opReturn, 0, 1}, op{opEnd})
	for range 32 { // for the peer
		a.write(op{opReturn, 0, 1}, op{opEnd})
	}
	return script(a.ops)
}

// Whatever a guest does with built-ins, it returns, waits, traps or burns its fuel: it is never a fault of the host, and nothing is
// left of it.
func TestRandomScripts(t *testing.T) {
	g := newStage()
	g.careless = true
	n := newNode(t, g.config())
	p := n.load("puppet")
	ends := map[string]int{}
	for i := range uint64(*scripts) {
		r := rand.New(rand.NewPCG(*seed+i, 0))
		v := n.serve(p, abi.Config{MemoryBytes: 16 << 20}, executor.TaskSpec{FuelLimit: 3_000_000})
		for range 1 + r.IntN(3) {
			export := []string{"run", "run", "run-sync", "second-run"}[r.IntN(4)]
			args := []value.Value{randomScript(r)}
			v.Do(func() error { return v.Invoke(export, args, func([]value.Value) { ends["returned"]++ }) })
		}
		v.do(func() {})
		err := v.stop()
		_, trapped := errors.AsType[*engine.Trap](err)
		switch {
		case trapped:
			ends["trapped"]++
		case errors.Is(err, executor.ErrOutOfFuel):
			ends["out of fuel"]++
		case err != nil:
			t.Errorf("seed %d: %v", *seed+i, err)
		}
		g.wantStopped(t)
		if t.Failed() {
			t.Fatalf("seed %d", *seed+i)
		}
	}
	t.Log(ends)
}
