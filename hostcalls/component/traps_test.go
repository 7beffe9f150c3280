package component

import (
	"errors"
	"testing"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// wantStopped says that no producer, consumer or operation of the host is left.
func (g *stage) wantStopped(t testing.TB) {
	t.Helper()
	if g.open != 0 || g.begun != 0 {
		t.Errorf("%d ends of the host are open, %d operations were neither over nor given up", g.open, g.begun)
	}
}

// bytesAt are operations that put numbers at room.
func bytesAt(words ...uint32) (ops []op) {
	for i, w := range words {
		ops = append(ops, op{opStore, 0, room + 4*uint32(i), w})
	}
	return ops
}

// What the specification says of single operations, with memories, values and fibers. The numbers are those of the scenarios of
// component/async, which has the rest of them.
func TestBehaviours(t *testing.T) {
	for _, tt := range []struct {
		name string
		ops  []any
		want uint32
		trap string
		keep []string // what the script leaves
	}{
		{name: "04 a cancel says what was copied", ops: []any{
			bytesAt(0x04030201, 0x08070605), op{opStream, 1},
			op{opWrite, 3, reg(2), room, 8}, op{opWant, 0, reg(3), blockedCopy},
			op{opRead, 3, reg(1), room + 100, 3}, op{opWant, 0, reg(3), 3 << 4},
			op{opCancelWrite, 3, reg(2)}, op{opWant, 0, reg(3), 3<<4 | 2},
			op{opDropReader, 0, reg(1)}, op{opDropWriter, 0, reg(2)},
			op{opLoad, 4, room + 100}, op{opEnd, 0, reg(4)},
		}, want: 0x030201},
		{name: "05 a buffer stays until its event is told", ops: []any{
			bytesAt(0x04030201, 0x08070605), op{opStream, 1}, op{opNewSet, 5},
			op{opWrite, 3, reg(2), room, 8}, op{opJoin, 0, reg(2), reg(5)},
			op{opRead, 3, reg(1), room + 100, 3}, op{opRead, 3, reg(1), room + 200, 5}, op{opWant, 0, reg(3), 5 << 4},
			op{opWaitSet, 3, reg(5), room + 300}, op{opWant, 0, reg(3), 3},
			op{opLoad, 3, room + 304}, op{opWant, 0, reg(3), 8 << 4},
			op{opJoin, 0, reg(2), 0}, op{opDropSet, 0, reg(5)}, op{opDropReader, 0, reg(1)}, op{opDropWriter, 0, reg(2)},
			op{opLoad, 4, room + 200}, op{opEnd, 0, reg(4)},
		}, want: 0x07060504},
		{name: "07 a future that is not written", ops: []any{op{opFuture, 1}, op{opDropPromise, 0, reg(2)}, op{opEnd}},
			trap: "future.drop-writable: a future's writable end can't be dropped before a value was written"},
		{name: "07 a future of the host", ops: []any{
			op{opHost, 1, all, 2}, op{opReadFuture, 2, reg(1), room}, op{opWant, 0, reg(2), 0}, op{opDropFuture, 0, reg(1)},
			op{opLoad, 3, room + 4}, op{opEnd, 0, reg(3)},
		}, want: 5},
		{name: "09 a second write", ops: []any{op{opStream, 1}, op{opWrite, 3, reg(2), room, 1}, op{opWrite, 3, reg(2), room, 1}, op{opEnd}},
			trap: "stream.write: the end of the stream or future has a copy in progress"},
		{name: "10 the host has completed", ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, op{opPoke, 0, finishes + 1}, op{opYield},
			op{opCancel, 3, reg(2)}, op{opWant, 0, reg(3), 2}, op{opDropSubtask, 0, reg(2)}, op{opYield},
			op{opLoad, 3, room}, op{opEnd, 0, reg(3)},
		}, want: 10},
		{name: "10 a second cancel", ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, op{opCancel, 3, reg(2)}, op{opCancel, 3, reg(2)}, op{opEnd},
		}, trap: "subtask.cancel: the end of the subtask was told before"},
		{name: "10 the host is cancelled, and its completion comes too late", ops: []any{
			op{opWait, 1, 100, room}, op{opWait, 4, 1, room + 8}, op{opShift, 2, reg(1), 4}, op{opShift, 5, reg(4), 4},
			op{opCancel, 6, reg(5)}, op{opPoke, 0, finishes + 100}, op{opCancel, 3, reg(2)}, op{opYield},
			op{opDropSubtask, 0, reg(2)}, op{opDropSubtask, 0, reg(5)},
			op{opAdd, 3, reg(3), reg(6)}, op{opEnd, 0, reg(3)},
		}, want: 2 + 4},
		{name: "11 cancelled before started", ops: []any{
			op{opPeer, 1, room, 8, 3}, op{opWant, 0, reg(1), 2},
			op{opPeer, 1, room, 8, 3}, op{opShift, 2, reg(1), 4}, op{opWant, 0, reg(2), 1},
			op{opCancel, 3, reg(2)}, op{opDropSubtask, 0, reg(2)}, op{opEnd, 0, reg(3)},
			op{opIncPressure}, op{opReturn, 0, 1}, op{opEnd},
		}, want: 3},
		{name: "12 a callback that waits is cancelled", ops: []any{
			op{opPeer, 1, room, 5, 12}, op{opShift, 2, reg(1), 4},
			op{opCancel, 3, reg(2)}, op{opDropSubtask, 0, reg(2)}, op{opEnd, 0, reg(3)},
			op{opNewSet, 1}, waitFor(1, 2), op{opWant, 0, reg(61), 6}, op{opDropSet, 0, reg(1)}, op{opCancelled}, op{opEnd},
		}, want: 4},
		{name: "12 a callback that yields is cancelled", ops: []any{
			op{opPeer, 1, room, 5, 4}, op{opShift, 2, reg(1), 4},
			op{opCancel, 3, reg(2)}, op{opDropSubtask, 0, reg(2)}, op{opEnd, 0, reg(3)},
			op{opEnd, 0, yields}, op{opWant, 0, reg(61), 6}, op{opCancelled}, op{opEnd},
		}, want: 4},
		{name: "15 a callback waits with its frames, cancelled or not", ops: []any{
			op{opPeer, 1, room, 8, 6}, op{opShift, 2, reg(1), 4}, op{opYield}, op{opYield},
			op{opPoke, 0, finishes + 1},
			op{opCancel, 3, reg(2)}, op{opDropSubtask, 0, reg(2)}, op{opEnd, 0, reg(3)},
			op{opEnd, 0, yields}, op{opWaitSync, 1, 1}, op{opWant, 0, reg(1), 10}, op{opEnd, 0, yields}, op{opCancelled}, op{opEnd},
		}, want: 4},
		{name: "20 task.return where the result is returned", ops: []any{op{opReturn, 0, 1}, op{opEnd}},
			trap: "task.return: the function run-sync is lifted synchronously"},
		{name: "20 a call ends without its result", ops: []any{
			op{opPeer, 1, room, 2, 1}, op{opEnd}, op{opEnd},
		}, trap: "the call has ended without having returned a value"},
		{name: "20 an unknown code", ops: []any{
			op{opPeer, 1, room, 2, 1}, op{opEnd}, op{opEnd, 0, 3},
		}, trap: "a callback has returned 0x3, whose code is unknown"},
		{name: "23 the host answers at once", ops: []any{
			op{opWait, 1, 0, room}, op{opWant, 0, reg(1), 2}, op{opLoad, 2, room}, op{opEnd, 0, reg(2)},
		}, want: 7},
		{name: "23 so does a function on a fiber of its own", ops: []any{
			op{opPark, 1, 0, room}, op{opWant, 0, reg(1), 2}, op{opParkSync, 1, 0}, op{opLoad, 2, room}, op{opEnd, 0, reg(2)},
		}},
		{name: "24 an instance reads from itself", ops: []any{
			bytesAt(room+16, 2, 0, 0), op{opFuture, 1}, op{opWriteFuture, 3, reg(2), room}, op{opReadFuture, 3, reg(1), room + 32}, op{opEnd},
		}, trap: "future.read: a component instance can't read from itself what is no number"},
		{name: "30 ends of the host that nobody reads or writes", ops: []any{
			op{opHost, 1, never, 0}, op{opDropReader, 0, reg(1)},
			op{opHost, 1, never, 2}, op{opDropFuture, 0, reg(1)},
			op{opStream, 1}, op{opHost, 0, never, 1, reg(1)}, op{opWrite, 3, reg(2), room, 1},
			op{opCancelWrite, 3, reg(2)}, op{opDropWriter, 0, reg(2)},
			op{opHost, 1, fed, 0}, op{opRead, 3, reg(1), room, 9}, op{opWant, 0, reg(3), blockedCopy},
			op{opCancelRead, 3, reg(1)}, op{opWant, 0, reg(3), 2}, op{opDropReader, 0, reg(1)}, op{opYield},
			op{opEnd},
		}},
		{name: "30 what the host gives goes back to it", ops: []any{
			op{opHost, 1, single, 0}, op{opHost, 0, all, 1, reg(1)},
			op{opHost, 1, fed, 2}, op{opHost, 0, all, 3, reg(1)}, op{opPoke, 0, feeds},
			op{opHost, 1, ten, 0}, op{opHost, 0, fed, 1, reg(1)}, op{opYield}, op{opYield}, op{opEnd},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
			got, err := v.call("run-sync", script(tt.ops...))
			if tt.trap != "" {
				wantTrap(t, err, tt.trap)
			} else if err != nil || uint32(got.Bits) != tt.want {
				t.Errorf("%#x, %v, want %#x", got.Bits, err, tt.want)
			}
			if err == nil {
				v.do(func() {})
				v.wantIdle(tt.keep...)
			}
			if stopped := v.stop(); !errors.Is(stopped, err) {
				t.Errorf("the store ends with %v", stopped)
			}
			g.wantStopped(t)
		})
	}
}

// 16: A call that yields for ever lets others begin.
func TestYieldsLetOthersBegin(t *testing.T) {
	_, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	forever := script(op{opEnd, 0, yields}, op{opJump, 0, 1, 0})
	v.Do(func() error { return v.Invoke("run", []value.Value{forever}, func([]value.Value) {}) })
	for n := range uint32(3) {
		if got, err := v.call("run", script(op{opReturn, 0, n}, op{opEnd})); err != nil || uint32(got.Bits) != n {
			t.Errorf("%d, %v", got.Bits, err)
		}
	}
	v.wantIdle("1 calls")
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// 22: A trap of one call ends all calls of the store, and each end and operation of the host is given up once.
func TestTrapEndsAllCalls(t *testing.T) {
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	waiting := []value.Value{script(
		op{opHost, 1, never, 0}, op{opRead, 0, reg(1), room, 9}, op{opHost, 1, all, 0}, op{opHost, 1, fed, 2},
		op{opStream, 1}, op{opHost, 0, never, 1, reg(1)}, op{opWrite, 0, reg(2), room, 9},
		op{opWait, 3, 1, room + 16}, op{opPark, 4, 2, room + 24}, op{opNewSet, 5}, waitFor(5, 6), op{opPoke, 0, 1}, op{opEnd},
	)}
	frames := []value.Value{script(op{opWaitSync, 1, 5}, op{opPoke, 0, 2}, op{opEnd})}
	returned := func([]value.Value) { t.Error("a call has returned") }
	v.Do(func() error {
		return errors.Join(v.Invoke("run", waiting, returned), v.Invoke("second-run", frames, returned), v.Invoke("second-run", frames, returned))
	})
	v.do(func() {})
	_, err := v.call("call", u32s(3)...)
	if err != nil {
		t.Fatal(err)
	}
	_, err = v.call("run", script(op{opWant, 0, 1, 2}))
	wantTrap(t, err, "unreachable")
	if len(g.pokes) > 0 {
		t.Errorf("code ran after the trap: %d", g.pokes)
	}
	v.wantNothing(v.Store)
	g.wantStopped(t)
}

// A call holds exclusive while it waits with frames in its callback, and while it is preempted.
func TestExclusiveIsHeld(t *testing.T) {
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	returned := make(chan uint64, 2)
	invoke := func(ops ...any) {
		v.Do(func() error {
			return v.Invoke("run", []value.Value{script(ops...)}, func(r []value.Value) { returned <- r[0].Bits })
		})
	}
	invoke(op{opEnd, 0, yields}, op{opWaitSync, 1, 1}, op{opReturn, 0, reg(1)}, op{opEnd})
	invoke(op{opPoke, 0, 1}, op{opReturn, 0, 1}, op{opEnd})
	for begun := false; !begun; { // each job is one of a later turn
		v.do(func() { begun = g.ops[1] != nil })
	}
	v.wantIdle("1 calls", "2 calls", "1 fibers that wait", "1 operations", "1 calls at the gate of instance 2", "1 calls at the gate of instance 1", "1 calls at the gate of instance 0")
	v.do(func() { g.ops[1].Done() })
	first, second := <-returned, <-returned
	if first+second != 11 {
		t.Errorf("%d, %d", first, second)
	}
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}
