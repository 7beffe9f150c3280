package component

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
)

// A note that is posted again while others wait in the inbox loses none of them.
func TestNotesPostedAgain(t *testing.T) {
	_, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	var order []string
	third := make(chan struct{})
	a, b, c := &note{}, &note{}, &note{}
	a.of = jobOf(func() error {
		order = append(order, "a")
		v.post(b)
		return nil
	})
	b.of = jobOf(func() error { order = append(order, "b"); return nil })
	c.of = jobOf(func() error { order = append(order, "c"); close(third); return nil })
	v.do(func() {
		v.post(a)
		v.post(b)
		v.post(c)
	})
	select {
	case <-third:
	case <-time.After(10 * time.Second):
		t.Fatalf("only %q were acted upon", order)
	}
	if err := v.stop(); err != nil || !slices.Equal(order, []string{"a", "b", "c"}) {
		t.Errorf("%v, %q", err, order)
	}
}

// While a synchronous function waits, calls by the host wait too.
func TestHostWaitsForSynchronousFunctions(t *testing.T) {
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	inside := make(chan uint64, 1)
	g.onPoke = func(uint32) {
		if err := v.Invoke("shared", nil, func(r []value.Value) { inside <- r[0].Bits }); err != nil {
			t.Error(err)
		}
	}
	// A thread of the instance goes on while call waits, and makes the host call.
	other := make(chan error, 1)
	go func() {
		_, err := v.call("run-sync", script(op{opYield}, op{opPoke, 0, 1}, op{opYield}, op{opEnd, 0, 0}))
		other <- err
	}()
	if _, err := v.call("call", u32s(10)...); err != nil {
		t.Error(err)
	}
	if err := <-other; err != nil {
		t.Error(err)
	}
	if n := <-inside; n != 0 {
		t.Errorf("%d synchronous calls are in progress when another one begins", n)
	}
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// A call of a host function that waits on a fiber of its own can be asked to end, and goes on.
func TestCancelOfHostThread(t *testing.T) {
	_, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	got, err := v.call("run-sync", script(
		op{opPark, 1, 5, room}, op{opShift, 2, reg(1), 4},
		op{opPoke, 0, wakes + 5},
		op{opCancel, 3, reg(2)}, op{opWant, 0, reg(3), 2}, // returned
		op{opDropSubtask, 0, reg(2)},
		op{opLoad, 4, room}, op{opEnd, 0, reg(4)},
	))
	if err != nil || got.Bits != 50 {
		t.Errorf("%d, %v", got.Bits, err)
	}
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// A copy of no items asks whether the host is ready, and those after it are as any.
func TestEmptyCopiesWithTheHost(t *testing.T) {
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	copies := func(of, kind uint32, more ...op) []op { return append([]op{{opHost, 1, kind, of}}, more...) }
	reads := copies(0, ten,
		op{opRead, 2, reg(1), room, 0}, op{opWant, 0, reg(2), 0},
		op{opRead, 2, reg(1), room, 0}, op{opWant, 0, reg(2), 0},
		op{opRead, 2, reg(1), room, 4}, op{opWant, 0, reg(2), 4 << 4},
		op{opRead, 2, reg(1), room, 40}, op{opWant, 0, reg(2), 6<<4 | 1},
		op{opDropReader, 0, reg(1)},
	)
	writes := []op{
		{opStream, 1}, {opHost, 0, ten, 1, reg(1)},
		{opYield},
		{opWrite, 3, reg(2), room, 0}, {opWant, 0, reg(3), 0},
		{opWrite, 3, reg(2), room, 3}, {opWant, 0, reg(3), 3 << 4},
		{opWrite, 3, reg(2), room, 0}, {opWant, 0, reg(3), 0},
		{opWrite, 3, reg(2), room, 9}, {opWant, 0, reg(3), 7<<4 | 1},
		{opDropWriter, 0, reg(2)},
	}
	for _, ops := range [][]op{reads, writes} {
		if _, err := v.call("run-sync", script(ops, op{opEnd})); err != nil {
			t.Fatal(err)
		}
	}
	v.wantIdle()
	if g.open != 0 || len(g.written) != 10 {
		t.Errorf("%d ends are open, %d bytes were written", g.open, len(g.written))
	}
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// Nothing of a component runs when its store has ended, also if that is no failure: what waits with frames ends where it waits, in
// the guest and in the host.
func TestEndWhileThreadsWait(t *testing.T) {
	g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
	for _, ops := range [][]op{
		{{opWaitSync, 1, 3}, {opPoke, 0, 1}, {opEnd}},
		{{opParkSync, 1, 3}, {opPoke, 0, 1}, {opEnd}},
		{{opPark, 1, 4, room}, {opNewSet, 2}, {opWaitSet, 3, reg(2), room}, {opPoke, 0, 1}, {opEnd}},
	} {
		v.Do(func() error { return v.Invoke("second-run", []value.Value{script(ops)}, func([]value.Value) {}) })
	}
	waiting := 0
	v.do(func() { waiting = v.loop.blocked })
	if waiting == 0 {
		t.Error("nothing waits with frames")
	}
	if err := v.stop(); err != nil || len(g.pokes) > 0 || g.begun > 0 {
		t.Errorf("%v; what has waited went on: %d, %d operations", err, g.pokes, g.begun)
	}
}

// A panic of the host in a turn ends the store, which is closed once.
func TestPanicInTurn(t *testing.T) {
	for _, waits := range []bool{false, true} {
		g, v := puppets(t, abi.Config{}, executor.TaskSpec{})
		if waits {
			v.Do(func() error {
				return v.Invoke("run-sync", []value.Value{script(op{opWaitSync, 1, 3}, op{opEnd})}, func([]value.Value) {})
			})
			v.do(func() {})
		}
		v.Do(func() error { panic("a fault of the host") })
		<-v.ended
		if !errors.Is(v.err, errPanicked) || g.begun != 0 {
			t.Errorf("%v, %d operations", v.err, g.begun)
		}
		v.wantNothing(v.Store)
	}
}

// Each call has its own context slots, also one that calls a function which waits, while another call of its instance begins.
func TestContextSlots(t *testing.T) {
	n := newNode(t, Config{})
	v := n.serve(n.load("nested"), abi.Config{}, executor.TaskSpec{})
	got := make(chan uint64, 2)
	v.Do(func() error {
		return errors.Join(
			v.Invoke("t", nil, func(r []value.Value) { got <- r[0].Bits }),
			v.Invoke("a", nil, func(r []value.Value) { got <- r[0].Bits }))
	})
	for _, want := range []uint64{7, 9} {
		select {
		case slot := <-got:
			if slot != want {
				t.Errorf("context slot 0 is %d, want %d", slot, want)
			}
		case <-v.ended:
			t.Fatal(v.err)
		}
	}
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}
