package component

import (
	"errors"
	"fmt"
	"testing"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// Handles and pointers that are wrong, in each built-in of asynchronous calls: the guest traps, and is told what was wrong.
func TestLies(t *testing.T) {
	const (
		beyond = 0xffff_fffc
		odd    = room + 1
	)
	set, stream, future := op{opNewSet, 1}, op{opStream, 1}, op{opFuture, 1}
	pending := []any{op{opStream, 1}, op{opWrite, 3, reg(2), room, 4}}
	for _, tt := range []struct {
		ops  []any
		want string
	}{
		{[]any{set, op{opPoll, 2, reg(1), beyond}}, "waitable-set.poll: there is no room for the event at 4294967292"},
		{[]any{set, op{opPoll, 2, reg(1), odd}}, "there is no room for the event"},
		{[]any{set, stream, op{opJoin, 0, reg(2), reg(1)}}, "waitable.join: handle index"},
		{[]any{op{opWait, 1, 1, beyond}, op{opShift, 1, reg(1), 4}, set, op{opPoke, 0, finishes + 1}, op{opYield}, op{opYield}}, "room for the result"},
		{[]any{op{opWait, 1, 0, odd}}, "room for the result"},
		{[]any{stream, op{opRead, 3, reg(1), beyond, 8}}, "stream.read: the buffer of 8 bytes at 4294967292 is beyond the memory"},
		{[]any{stream, op{opRead, 3, reg(1), 0, 0xffff_ffff}}, "stream.read: more than 268435455 items"},
		{[]any{stream, op{opWrite, 3, reg(2), 0, 1<<28 - 1}}, "stream.write: 268435455 items of 1 bytes are beyond the memory"},
		{append(pending, op{opRead, 3, reg(1), beyond, 1}), "stream.read: the buffer"},
		{[]any{future, op{opReadFuture, 3, reg(1), beyond}}, "future.read: the buffer of 8 bytes"},
		{[]any{future, op{opWriteFuture, 3, reg(2), odd}}, "future.write: the buffer at 1025 is not aligned"},
		{[]any{op{opHost, 1, all, 2}, op{opReadFuture, 3, reg(1), odd}}, "not aligned"},
		{[]any{op{opPeer, 1, beyond, 2, 1}, op{opEnd}, op{opReturn}, op{opEnd}}, "room for the result"},
		{[]any{op{opPeer, 1, room, 0x0fff_ffff, 1}, op{opEnd}}, "beyond the memory"},
		{[]any{op{opPeer, 1, room, 0, 0x0fff_ffff}, op{opEnd}}, "a list of"},
		{[]any{op{opDecPressure}}, "backpressure.dec: backpressure can't be decreased below zero"},
		{[]any{op{opSet, 1, 70_000}, op{opIncPressure}, op{opAdd, 1, reg(1), 0xffff_ffff}, op{opJump, 0, reg(1), 1}}, "backpressure.inc: backpressure can't be increased further"},
		{[]any{op{opCancelled}}, "task.cancel: the function run-sync is lifted synchronously"},
		{[]any{stream, op{opCancelRead, 3, reg(1)}}, "stream.cancel-read: the end of the stream or future has no copy in progress"},
		{[]any{future, op{opCancelWriteFuture, 3, reg(2)}}, "future.cancel-write: the end"},
		{append(pending, op{opDropWriter, 0, reg(2)}), "stream.drop-writable: the end of the stream or future has a copy in progress"},
		{[]any{set, stream, op{opSet, 9, reg(1)}, op{opHost, 0, all, 1, reg(2)}}, "is used as the readable end of a stream, but it is the writable end of a stream"},
		{append(pending, op{opHost, 0, all, 1, 9}), "unknown handle index 9"},
		{[]any{stream, op{opRead, 3, reg(1), room, 4}, op{opHost, 0, all, 1, reg(1)}}, "has a copy in progress"},
		{[]any{stream, op{opNewSet, 9}, op{opJoin, 0, reg(1), reg(9)}, op{opHost, 0, all, 1, reg(1)}}, "in a waitable set can't be given away"},
		{[]any{stream, op{opHost, 0, all, 3, reg(1)}}, "of another type"},
		{[]any{set, stream, op{opNewSet, 9}, op{opJoin, 0, reg(1), reg(9)}, op{opDropSet, 0, reg(9)}}, "waitable-set.drop: the waitable set can't be dropped"},
		{[]any{op{opWait, 1, 1, room}, op{opShift, 1, reg(1), 4}, op{opDropSubtask, 0, reg(1)}}, "subtask.drop: the subtask can't be dropped"},
		{[]any{op{opWait, 1, 1, room}, op{opShift, 1, reg(1), 4}, op{opNewSet, 2}, op{opJoin, 0, reg(1), reg(2)}, op{opCancel, 3, reg(1)}}, "subtask.cancel: a subtask that is in a waitable set"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
			_, err := v.call("run-sync", script(append(tt.ops, op{opEnd})...))
			wantTrap(t, err, tt.want)
			v.wantNothing(v.Store)
			g.wantStopped(t)
		})
	}
	// Each built-in that takes a handle, with one that is none, and one of another kind.
	g := newStage()
	n := newNode(t, g.config())
	p := n.load("puppet")
	for _, number := range []uint32{
		opCancel, opDropSubtask, opWaitSet, opPoll, opDropSet, opJoin, opRead, opWrite, opCancelRead, opCancelWrite, opDropReader, opDropWriter,
		opReadFuture, opWriteFuture, opCancelReadFuture, opCancelWriteFuture, opDropFuture, opDropPromise,
	} {
		other := op{opNewSet, 1}
		if number >= opWaitSet && number <= opDropSet {
			other = op{opWait, 1, 1, room}
		}
		for _, index := range []uint32{0, 1, 0xfff, 0xffff_ffff} { // 1 is of another kind
			v := n.serve(p, abi.Config{}, executor.TaskSpec{})
			_, err := v.call("run-sync", script(other, op{number, 3, index, 8, 8}, op{opEnd}))
			wantTrap(t, err, fmt.Sprintf("handle index %d", index))
			n.wantNothing(v.Store)
		}
	}
	g.wantStopped(t)
}

// again are operations that are repeated for ever.
func again(ops ...op) (list []any) {
	for _, o := range ops {
		list = append(list, o)
	}
	return append(list, op{opJump, 0, 1, 0})
}

// What a guest makes without an end is bounded, or memory of the component.
func TestMakesWithoutEnd(t *testing.T) {
	const memory = 32 << 20
	for _, tt := range []struct {
		name   string
		ops    []any
		export string
		want   string
	}{
		{name: "subtasks of the host", ops: again(op{opWait, 1, 1, room}), want: "no room for more than"},
		{name: "threads of the host", ops: again(op{opPark, 1, 1, room}), want: "more than 1024 threads of the component wait with frames"},
		{name: "sets", ops: again(op{opNewSet, 1}), want: "no room for more than"},
		{name: "streams", ops: again(op{opStream, 1}), want: "no room for more than"},
		{name: "futures", ops: again(op{opFuture, 1}), want: "no room for more than"},
		{name: "calls at the gate", want: "no room for", ops: []any{
			op{opPeer, 1, room, 3, 3}, op{opPeer, 1, room, 3, 3}, op{opJump, 0, 1, 1},
			op{opIncPressure}, op{opReturn, 0, 1}, op{opEnd},
		}},
		{name: "calls that wait, whose memory is its own", want: "unreachable", ops: []any{
			op{opPeer, 1, room, 2, 8}, op{opJump, 0, 1, 0},
			op{opNewSet, 1}, waitFor(1, 2),
		}},
		{name: "streams that the host reads", want: "no room for", ops: again(op{opStream, 1}, op{opHost, 0, never, 1, reg(1)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			g, v := puppets(t, abi.Config{MemoryBytes: memory}, executor.TaskSpec{FuelLimit: 10_000_000_000})
			_, err := v.call("run-sync", script(tt.ops...))
			wantTrap(t, err, tt.want)
			if peak := v.PeakMemory(); peak > memory {
				t.Errorf("%d bytes were held", peak)
			}
			v.wantNothing(v.Store)
			g.wantStopped(t)
		})
	}
}

// A guest that works without an end burns its fuel, and another one goes on meanwhile, on the same worker.
func TestWorksWithoutEnd(t *testing.T) {
	g := newStage()
	n := newNode(t, g.config())
	p := n.load("puppet")
	other := n.serve(p, abi.Config{}, executor.TaskSpec{})
	for _, tt := range []struct {
		name, export string
		ops          []any
	}{
		{"it holds exclusive", "run", again(op{opSet})},
		{"it yields with frames", "run-sync", again(op{opYield})},
		{"it yields by its callback", "run", again(op{opEnd, 0, yields})},
		{"it waits for what is there", "run-sync", []any{
			op{opNewSet, 1}, op{opStream, 2}, op{opDropReader, 0, reg(2)}, op{opJoin, 0, reg(3), reg(1)},
			op{opWait, 5, 0, room}, op{opPoll, 6, reg(1), room}, op{opJump, 0, 1, 4},
		}},
		{"it reads what the host has without an end", "run-sync", []any{op{opHost, 1, all, 0}, op{opRead, 2, reg(1), room, 1}, op{opJump, 0, 1, 1}}},
		{"it writes to the host byte by byte", "run-sync", []any{op{opStream, 1}, op{opHost, 0, all, 1, reg(1)}, op{opWrite, 3, reg(2), room, 1}, op{opJump, 0, 1, 2}}},
		{"it asks for nothing", "run-sync", []any{op{opHost, 1, never, 0}, op{opRead, 2, reg(1), room, 0}, op{opJump, 0, 1, 1}}},
		{"the host gives back to itself", "run-sync", []any{op{opHost, 1, all, 0}, op{opHost, 0, all, 1, reg(1)}, op{opYield}, op{opJump, 0, 1, 2}}},
		{"it calls and cancels", "run-sync", []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, op{opCancel, 3, reg(2)}, op{opDropSubtask, 0, reg(2)}, op{opJump, 0, 1, 0},
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := n.serve(p, abi.Config{}, executor.TaskSpec{FuelLimit: 20_000_000})
			ended := make(chan error, 1)
			go func() {
				_, err := v.call(tt.export, script(tt.ops...))
				ended <- err
			}()
			if _, err := other.call("shared"); err != nil {
				t.Error(err)
			}
			if err := <-ended; !errors.Is(err, executor.ErrOutOfFuel) {
				t.Errorf("%v, want %v", err, executor.ErrOutOfFuel)
			}
			g.written = nil
			g.wantStopped(t)
		})
	}
	if err := other.stop(); err != nil {
		t.Error(err)
	}
	n.wantNothing(other.Store)
}

// Ends are dropped in each order, at each point of a copy, with the host or the guest at the other side.
func TestDropsInEveryOrder(t *testing.T) {
	g := newStage()
	n := newNode(t, g.config())
	v := n.serve(n.load("puppet"), abi.Config{}, executor.TaskSpec{})
	for kind := uint32(all); kind <= never; kind++ {
		for _, size := range []uint32{0, 1, 9, 2000} {
			for copies := range uint32(3) {
				read := []any{op{opHost, 1, kind, 0}}
				write := []any{op{opStream, 1}, op{opHost, 0, kind, 1, reg(1)}}
				for range copies { // one that is pending is cancelled; one after the end would trap
					read = append(read, op{opShift, 3, reg(2), 0}, op{opRead, 2, reg(1), room, size}, op{opEqual, 4, reg(2), blockedCopy},
						op{opEqual, 5, reg(4), 0}, op{opJump, 0, reg(5), uint32(len(read)) + 6}, op{opCancelRead, 2, reg(1)})
					write = append(write, op{opShift, 3, reg(4), 0}, op{opWrite, 4, reg(2), room, size}, op{opEqual, 5, reg(4), blockedCopy},
						op{opEqual, 6, reg(5), 0}, op{opJump, 0, reg(6), uint32(len(write)) + 6}, op{opCancelWrite, 4, reg(2)})
					if kind == ten || kind == single {
						break
					}
				}
				read, write = append(read, op{opDropReader, 0, reg(1)}, op{opEnd}), append(write, op{opDropWriter, 0, reg(2)}, op{opEnd})
				for _, ops := range [][]any{read, write} {
					if _, err := v.call("run-sync", script(ops...)); err != nil {
						t.Fatalf("kind %d, %d items, %d copies: %v", kind, size, copies, err)
					}
				}
			}
		}
	}
	v.do(func() {})
	v.wantIdle()
	g.wantStopped(t)
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}
