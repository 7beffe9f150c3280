package component

import (
	"errors"
	"slices"
	"testing"

	cabi "github.com/reactord/reactord/component/abi"
	"github.com/reactord/reactord/component/async"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// waitingCall is a call in a state in which it is cancelled.
type waitingCall struct {
	name   string
	before []any // a call of the same function that is made before, for this one to wait for; nil: there is none
	ops    []any // it notes cancelHeard when it is told that it is cancelled
	waits  async.Wait
	frames bool // with its frames

	told    bool // it is told at once, and else when it has returned to its callback
	exits   bool // it exits when it is cancelled, and else when it is released
	returns bool // it returns a value all the same
}

// cancelHeard is what scripts note when they are told that they are cancelled.
const cancelHeard = 6

// gives are the operations of a call that was told that it is cancelled, and gives up.
func gives(cleanup ...op) []op {
	return slices.Concat([]op{{opWant, 0, reg(61), uint32(async.CallCancelled)}, {opPoke, 0, cancelHeard}}, cleanup, []op{{opCancelled}, {opEnd}})
}

// joined are operations that wait for a waitable in a register by the callback, with a set in register 5.
func joined(waitable uint32) []op {
	return append([]op{{opNewSet, 5}, {opJoin, 0, reg(waitable), reg(5)}}, waitFor(5, 6)...)
}

// parted are operations after such a wait, which take the waitable out of its set.
func parted(waitable uint32, rest ...op) []op {
	return append([]op{{opJoin, 0, reg(waitable), 0}, {opDropSet, 0, reg(5)}}, rest...)
}

// Each state of a call of "run" or, if it calls its peer, of the first instance. What it waits for in the end is operation 1 of the host,
// or thread 1.
var waitingCalls = []waitingCall{
	{
		name: "behind another call that has exclusive", waits: async.ForInstance, exits: true,
		before: []any{op{opWaitSync, 1, 1}, op{opReturn}, op{opEnd}},
		ops:    []any{op{opPoke, 0, cancelHeard}, op{opReturn}, op{opEnd}},
	},
	{
		name: "behind backpressure", waits: async.ForInstance, exits: true,
		before: []any{
			op{opIncPressure}, op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, joined(2),
			op{opDecPressure}, parted(2, op{opDropSubtask, 0, reg(2)}), op{opReturn}, op{opEnd},
		},
		ops: []any{op{opPoke, 0, cancelHeard}, op{opReturn}, op{opEnd}},
	},
	{
		name: "for an empty set by its callback", waits: async.ForSet, told: true, exits: true,
		ops: []any{op{opNewSet, 1}, waitFor(1, 2), gives(op{opDropSet, 0, reg(1)})},
	},
	{
		name: "for a set with frames", waits: async.ForSet, frames: true,
		ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, op{opNewSet, 5}, op{opJoin, 0, reg(2), reg(5)}, op{opWaitSet, 3, reg(5), room + 16},
			parted(2, op{opDropSubtask, 0, reg(2)}), op{opEnd, 0, yields}, gives(),
		},
	},
	{
		name: "for the host with frames", waits: async.ForResult, frames: true,
		ops: []any{op{opWaitSync, 1, 1}, op{opEnd, 0, yields}, gives()},
	},
	{
		name: "for a thread of the host with frames", waits: async.ForResult, frames: true,
		ops: []any{op{opParkSync, 1, 1}, op{opEnd, 0, yields}, gives()},
	},
	{
		name: "for the host by its callback", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, joined(2),
			gives(parted(2, op{opCancel, 3, reg(2)}, op{opWant, 0, reg(3), uint32(async.SubtaskCancelledStarted)}, op{opDropSubtask, 0, reg(2)})...),
		},
	},
	{
		name: "for items of the host", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opHost, 1, never, 0}, op{opRead, 2, reg(1), room, 9}, op{opWant, 0, reg(2), blockedCopy}, joined(1),
			gives(parted(1, op{opCancelRead, 3, reg(1)}, op{opWant, 0, reg(3), 2}, op{opDropReader, 0, reg(1)})...),
		},
	},
	{
		name: "for a value of the host", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opHost, 1, never, 2}, op{opReadFuture, 2, reg(1), room}, op{opWant, 0, reg(2), blockedCopy}, joined(1),
			gives(parted(1, op{opCancelReadFuture, 3, reg(1)}, op{opWant, 0, reg(3), 2}, op{opDropFuture, 0, reg(1)})...),
		},
	},
	{
		name: "for a reader", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opStream, 2}, op{opWrite, 4, reg(3), room, 9}, op{opWant, 0, reg(4), blockedCopy}, joined(3),
			gives(parted(3, op{opCancelWrite, 4, reg(3)}, op{opWant, 0, reg(4), 2}, op{opDropReader, 0, reg(2)}, op{opDropWriter, 0, reg(3)})...),
		},
	},
	{
		name: "for the host to read", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opStream, 2}, op{opHost, 0, never, 1, reg(2)}, op{opWrite, 4, reg(3), room, 9}, op{opWant, 0, reg(4), blockedCopy}, joined(3),
			gives(parted(3, op{opCancelWrite, 4, reg(3)}, op{opWant, 0, reg(4), 2}, op{opDropWriter, 0, reg(3)})...),
		},
	},
	{
		name: "for another component by its callback", waits: async.ForSet, told: true, exits: true,
		ops: []any{
			op{opPeer, 1, room, 24, 12}, op{opShift, 2, reg(1), 4}, joined(2), // 11 operations
			gives(parted(2, op{opCancel, 3, reg(2)}, op{opWant, 0, reg(3), uint32(async.SubtaskCancelledStarted)}, op{opDropSubtask, 0, reg(2)})...),
			slices.Repeat([]op{{opEnd}}, 24-11-9), // until the peer's script
			op{opNewSet, 1}, waitFor(1, 2), op{opWant, 0, reg(61), uint32(async.CallCancelled)}, op{opDropSet, 0, reg(1)}, op{opCancelled}, op{opEnd},
		},
	},
	{
		name: "for another component with frames", waits: async.ForResult, frames: true,
		ops: []any{
			op{opPeerSync, 1, 0, 6, 3}, op{opEnd, 0, yields}, gives(),
			op{opWaitSync, 1, 1}, op{opReturn}, op{opEnd}, // the peer's script
		},
	},
	{
		name: "for its turn by its callback", waits: async.ForTurn, told: true, exits: true,
		ops: []any{
			op{opEnd, 0, yields}, op{opEqual, 4, reg(61), uint32(async.NoEvent)}, op{opJump, 0, reg(4), 0}, gives(),
		},
	},
	{
		name: "for its turn with frames", waits: async.ForTurn, frames: true,
		ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4},
			op{opYield, 3}, op{opLoad, 3, room}, op{opEqual, 3, reg(3), 0}, op{opJump, 0, reg(3), 2},
			op{opNewSet, 5}, op{opJoin, 0, reg(2), reg(5)}, op{opPoll, 3, reg(5), room + 16}, parted(2, op{opDropSubtask, 0, reg(2)}),
			op{opEnd, 0, yields}, gives(),
		},
	},
	{
		name: "after it has returned a value", waits: async.ForSet, returns: true,
		ops: []any{
			op{opReturn}, op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, joined(2),
			op{opWant, 0, reg(61), uint32(async.SubtaskEvent)}, parted(2, op{opDropSubtask, 0, reg(2)}), op{opEnd},
		},
	},
	{
		name: "and goes on", waits: async.ForSet, told: true, returns: true,
		ops: []any{
			op{opWait, 1, 1, room}, op{opShift, 2, reg(1), 4}, joined(2),
			op{opWant, 0, reg(61), uint32(async.CallCancelled)}, op{opPoke, 0, cancelHeard}, waitFor(5, 6),
			op{opWant, 0, reg(61), uint32(async.SubtaskEvent)}, parted(2, op{opDropSubtask, 0, reg(2)}), op{opReturn}, op{opEnd},
		},
	},
}

// cancelling is a waitingCall that was made.
type cancelling struct {
	*testing.T
	*service
	stage    *stage
	i        Invocation
	returned int // on the store's fiber
	exited   chan error
}

// begin makes the call, and returns when it waits as it should.
func (w *waitingCall) begin(t *testing.T) *cancelling {
	t.Helper()
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	c := &cancelling{T: t, service: v, stage: g, exited: make(chan error, 2)}
	if w.before != nil {
		v.Do(func() error {
			return v.StartCall("run", &Invocation{}, &invoker{
				pass: func(to *cabi.Writer) { to.Value(script(w.before...)) }, take: func(r *cabi.Reader) { r.U32() }, exited: func(error) {},
			})
		})
	}
	by := &invoker{
		pass:   func(to *cabi.Writer) { to.Value(script(w.ops...)) },
		take:   func(from *cabi.Reader) { from.U32(); c.returned++ },
		exited: func(err error) { c.exited <- err },
	}
	v.Do(func() error { return v.StartCall("run", &c.i, by) })
	for waits := false; !waits; {
		v.do(func() {
			if c.i.of != nil {
				on, _ := c.i.of.Waiting()
				waits = on == w.waits && c.i.of.HasFrames() == w.frames
			}
		})
		select {
		case <-v.ended:
			t.Fatalf("the store has ended: %v", v.err)
		default:
		}
	}
	return c
}

// heard returns how often scripts were told that they are cancelled.
func (c *cancelling) heard() (n int) {
	c.do(func() { n = len(c.stage.pokes) })
	return n
}

// ask cancels the call, twice, as a component could that has called it, and checks what comes of it at once.
func (c *cancelling) ask(w *waitingCall) {
	c.Helper()
	c.Do(func() error { return errors.Join(c.i.Cancel(), c.i.Cancel()) })
	if got := c.heard() == 1; got != w.told {
		c.Errorf("it was told at once: %t", got)
	}
	if got := len(c.exited) == 1; got != w.exits {
		c.Errorf("it has exited at once: %t", got)
	}
}

// A call that is cancelled, in whatever it waits for, ends as soon as it can, once, and leaves nothing behind.
func TestCancelledCalls(t *testing.T) {
	for _, w := range waitingCalls {
		t.Run(w.name, func(t *testing.T) {
			c := w.begin(t)
			c.ask(&w)
			c.do(func() {
				if o := c.stage.ops[1]; o != nil {
					o.Done()
				}
				if b := c.stage.parked[1]; b != nil {
					b.ring()
				}
			})
			select {
			case err := <-c.exited:
				if err != nil {
					t.Error(err)
				}
			case <-c.ended:
				t.Fatal(c.err)
			}
			c.do(func() {}) // another turn, for what has waited for the call
			c.wantIdle()
			heard := w.told || w.waits != async.ForInstance && !w.returns
			if got := c.heard(); got > 1 || got == 1 != heard {
				t.Errorf("it was told %d times", got)
			}
			if c.returned == 1 != w.returns || c.returned > 1 {
				t.Errorf("it has returned %d times", c.returned)
			}
			if err := c.stop(); err != nil || len(c.exited) > 0 {
				t.Errorf("%v, and it has exited %d times more", err, len(c.exited))
			}
			c.stage.wantStopped(t)
		})
	}
}

// A call whose store is cancelled ends at once in whatever it waits for, asked to end before or not: no code of the component runs
// afterwards, and nothing is left. One that has not begun is dropped.
func TestEndedCalls(t *testing.T) {
	for _, w := range waitingCalls {
		for _, asked := range []bool{false, true} {
			if asked && w.exits {
				continue
			}
			name := w.name
			if asked {
				name += ", when it was asked to end"
			}
			t.Run(name, func(t *testing.T) {
				c := w.begin(t)
				if asked {
					c.ask(&w)
				}
				heard := c.heard()
				cause := errors.New("the grace is over")
				c.task.Cancel(cause)
				<-c.ended
				if !errors.Is(c.err, cause) {
					t.Errorf("the store ends with %v", c.err)
				}
				if w.waits == async.ForInstance { // it has not begun
					if len(c.exited) > 0 {
						t.Error("it has exited")
					}
				} else if err := <-c.exited; !errors.Is(err, cause) || len(c.exited) > 0 {
					t.Errorf("it has exited with %v, and %d times more", err, len(c.exited))
				}
				if len(c.stage.pokes) > heard {
					t.Error("code ran after the end")
				}
				c.wantNothing(c.Store)
				c.stage.wantStopped(t)
			})
		}
	}
}
