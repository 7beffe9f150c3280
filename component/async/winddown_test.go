package async

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// FuzzMachine lets guests and the host do what they like. Nothing panics, the invariants hold after each operation, and
// everything ends when all that is waited for does.
func FuzzMachine(f *testing.F) {
	for seed := range uint64(8) {
		random := rand.New(rand.NewPCG(seed, 1))
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(random.Uint32())
		}
		f.Add(script)
	}
	f.Fuzz(func(t *testing.T, script []byte) {
		runAndWindDown(t, newWorld(3, newRandom(&bytesChance{script})))
	})
}

// TestRandom is FuzzMachine with scripts that are random from the first choice to the last.
func TestRandom(t *testing.T) {
	n := uint64(5000)
	if testing.Short() {
		n = 300
	}
	for seed := range n {
		runAndWindDown(t, randomWorld(seed))
	}
}

func runAndWindDown(t *testing.T, w *world) {
	w.check = func() { checkInvariants(t, w) }
	w.host()
	if w.trap != nil || len(w.running()) > 0 {
		return
	}
	w.ended, w.script = false, dutiful{}
	for range 20 {
		w.settle()
		if w.over() {
			return
		}
		w.endWhatIsWaitedFor()
	}
	checkAllEnded(t, w)
}

// running returns the calls that neither wait nor have ended: there are some if the script has ended within one.
func (w *world) running() (calls []*call) {
	for _, c := range w.calls {
		if !c.Waits() && !c.ended && c.state != abandoned {
			calls = append(calls, c)
		}
	}
	return calls
}

// settle runs what is ready.
func (w *world) settle() {
	for t := w.store.Next(); t != nil; t = w.store.Next() {
		w.runs(t)
		if w.over() {
			return
		}
		w.check()
	}
}

// endWhatIsWaitedFor ends what guests wait for, as if others had: the host's calls and the other ends.
func (w *world) endWhatIsWaitedFor() {
	for _, i := range w.imports {
		if s := i.subtask; !s.Resolved() {
			s.HostStart()
			s.HostReturn()
		}
	}
	for n, e := range w.ends {
		switch {
		case e == nil:
		case e.pending:
			e.Take()
		case e.state == idle, e.state == done:
			w.takeHostEnd(fmt.Sprint(n + 1)).Drop()
		}
	}
	for _, in := range w.instances {
		for in.Backpressure() > 0 {
			_ = in.DecBackpressure()
		}
		for index, object := range in.table {
			w.endObject(in, uint32(index), object)
		}
	}
	for _, c := range w.calls {
		if c.given != nil && !c.Started() {
			c.given.Drop()
			c.given = nil
		}
		if c.set != nil && !c.set.HasEvent() {
			s := &subtask{from: c.instance}
			s.Init(s)
			s.Expose(c.instance.add(s))
			_ = s.Join(c.set)
			s.HostReturn()
		}
	}
	w.check()
}

// endObject tells the events that nobody waits for, and drops what can be dropped.
func (w *world) endObject(in *instance, index uint32, object any) {
	switch o := object.(type) {
	case *end:
		switch {
		case o.waiter != nil:
		case o.pending:
			o.Take()
		case o.state == idle, o.state == done:
			o.Drop() // a future's end too
			in.remove(index)
		}
	case *subtask:
		if o.pending && !o.busy {
			o.Take()
		}
		if o.CanDrop() == nil {
			o.Drop()
			in.remove(index)
		}
	}
}

// waitsForCall reports whether a call waits for another one, which then waits too: guests may wait for each other, or for
// themselves, and the machine doesn't end that.
func waitsForCall(c *call) bool {
	i := c.Call.instance
	switch c.waits {
	case result:
		callee := c.on.subtask().Callee()
		return callee != nil && !callee.Resolved()
	case toBegin, callbackTurn, callbackEvent:
		return i.exclusive != nil && c.needsExclusive()
	}
	return false
}

// checkAllEnded fails the test if anything is left.
func checkAllEnded(t *testing.T, w *world) {
	bad, stuck := failing(t, w), false
	for _, c := range w.calls {
		switch {
		case c.ended:
		case waitsForCall(c):
			stuck = true
		default:
			bad("call %d never ends: it waits for %d", c.Number, c.waits)
		}
	}
	if stuck {
		return
	}
	if slices.ContainsFunc(w.ends, func(e *end) bool { return e != nil }) {
		bad("an end of the host is left")
	}
	for _, in := range w.instances {
		if in.exclusive != nil || in.Waiting() > 0 || in.callbacks.len > 0 || in.stacks.len > 0 {
			bad("instance %s: something is left", in.name)
		}
		for index, object := range in.table {
			switch o := object.(type) {
			case *end:
				bad("instance %s: end %d is left", in.name, index)
			case *subtask:
				bad("instance %s: subtask %d is left", in.name, index)
			case *Set:
				if err := o.CanDrop(); err != nil {
					bad("instance %s: set %d: %v", in.name, index, err)
				}
			case *resource:
				if o.lends > 0 || o.scope != nil {
					bad("instance %s: handle %d is lent or borrowed", in.name, index)
				}
			}
		}
	}
}
