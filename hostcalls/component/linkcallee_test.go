package component

import (
	"errors"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
)

// exporting is a call of pipes.wasm by another workload.
type exporting struct {
	*Export
	returned chan link.Parcel
	exited   chan error
}

// export begins a call of pipes.wasm.
func (v *service) export(name string, args link.Parcel) *exporting {
	return v.exportAny(pipes+name, args)
}

// exportAny begins a call of an export.
func (v *service) exportAny(name string, args link.Parcel) *exporting {
	c := &exporting{returned: make(chan link.Parcel, 1), exited: make(chan error, 1)}
	c.Export = &Export{
		Caller: "near", Args: args,
		Returned: func(results link.Parcel, held int64) {
			v.Free(held)
			c.returned <- results
		},
		Exited: func(err error) { c.exited <- err },
		Lost:   func(error) error { return errFar },
	}
	v.Do(func() error { return v.StartExport(name, c.Export) })
	return c
}

// result returns what the call returns.
func (c *exporting) result(t testing.TB) link.Parcel {
	t.Helper()
	select {
	case p := <-c.returned:
		return p
	case <-time.After(20 * time.Second):
		t.Fatal("it does not return")
		return link.Parcel{}
	}
}

// wantExit says that the call has exited, and all its streams have ended.
func (c *exporting) wantExit(t testing.TB) {
	t.Helper()
	select {
	case err := <-c.exited:
		if err != nil {
			t.Error(err)
		}
	case <-time.After(20 * time.Second):
		t.Error("it does not exit")
	}
}

// newStreamOf makes a stream of the type of an export's parameter.
func newStreamOf(v *service, export string) *link.Stream {
	return link.NewStream(v.program.lifts[v.program.exports[export]].plan.Func.Params[0].Type, &v.loaded.abi.buffers)
}

// argument is the argument of a function, and the side that writes it.
func argument(t testing.TB, v *service, name string) (link.Parcel, *far) {
	s := newStreamOf(v, pipes+name)
	return link.Parcel{Values: []value.Value{{}}, Streams: []*link.Stream{s}}, writerOf(t, s)
}

// TestLinkedCallee: what a component that others call sees of their streams, and they of its. It goes on, whatever they do, and nothing is
// left of them.
func TestLinkedCallee(t *testing.T) {
	n := newNode(t, Config{})
	v := n.serve(n.load("pipes"), abi.Config{}, executor.TaskSpec{})
	t.Run("the writer ends", func(t *testing.T) {
		args, w := argument(t, v, "drain")
		c := v.export("drain", args)
		w.write(1_000_000)
		w.End(nil)
		if got := c.result(t).Values[0].Bits; got != 1_000_000 {
			t.Errorf("it has read %d bytes", got)
		}
		c.wantExit(t)
	})
	t.Run("the writer ends and leaves", func(t *testing.T) {
		args, w := argument(t, v, "drain")
		c := v.export("drain", args)
		w.write(200_000)
		w.End(nil)
		w.Leave(errFar)
		if got := c.result(t).Values[0].Bits; got != 200_000 {
			t.Errorf("it has read %d bytes", got)
		}
		c.wantExit(t)
	})
	t.Run("the writer fails", func(t *testing.T) {
		args, w := argument(t, v, "drain")
		c := v.export("drain", args)
		w.write(200_000)
		w.End(errFar)
		if got := c.result(t).Values[0].Bits; got > 200_000 {
			t.Errorf("it has read %d bytes", got)
		}
		c.wantExit(t)
	})
	t.Run("it does not read on", func(t *testing.T) {
		args, w := argument(t, v, "sip")
		c := v.export("sip", args)
		if w.write(1_000_000); w.awaitGone() != nil {
			t.Error("it has failed")
		}
		c.result(t)
		c.wantExit(t)
	})
	t.Run("the reader goes", func(t *testing.T) {
		c := v.export("silent", link.Parcel{})
		p := c.result(t)
		select {
		case <-c.exited:
			t.Error("it has exited, with a stream open")
		default:
		}
		p.Discard()
		c.wantExit(t)
	})
	t.Run("the reader goes in the middle", func(t *testing.T) {
		c := v.export("fill", link.Parcel{Values: u32s(10_000_000)})
		r := readerOf(t, c.result(t).Streams[0])
		for r.Read(make([]byte, 10)) == 0 && !r.Ready() {
			r.wait()
		}
		r.Drop(nil)
		c.wantExit(t)
	})
	for _, name := range []string{"copy", "back"} { // it reads and writes, or hands back
		t.Run(name, func(t *testing.T) {
			args, w := argument(t, v, name)
			c := v.export(name, args)
			go func() {
				w.write(1_000_000)
				w.End(nil)
			}()
			if read, err := readerOf(t, c.result(t).Streams[0]).rest(); read != 1_000_000 || err != nil {
				t.Errorf("%d bytes, %v", read, err)
			}
			c.wantExit(t)
		})
	}
	t.Run("it is cancelled before it begins", func(t *testing.T) {
		args, w := argument(t, v, "drain")
		c := &exporting{exited: make(chan error, 1)}
		c.Export = &Export{Caller: "near", Args: args, Exited: func(err error) { c.exited <- err }, Lost: func(error) error { return errFar }}
		v.Do(func() error {
			if err := v.StartExport(pipes+"drain", c.Export); err != nil {
				return err
			}
			return c.Cancel(nil)
		})
		if why := w.awaitGone(); why != nil {
			t.Error(why)
		}
		c.wantExit(t)
	})
	t.Run("it is given up with streams open", func(t *testing.T) {
		args, w := argument(t, v, "keep")
		kept, c := v.export("keep", args), v.export("silent", link.Parcel{})
		kept.result(t)
		r := readerOf(t, c.result(t).Streams[0])
		v.Do(func() error { return errors.Join(kept.Cancel(errFar), c.Cancel(errFar)) })
		if _, err := r.rest(); !errors.Is(err, errFar) {
			t.Errorf("the reader sees %v", err)
		}
		if why := w.awaitGone(); !errors.Is(why, errFar) {
			t.Errorf("the writer sees %v", why)
		}
		kept.wantExit(t)
		c.wantExit(t)
	})
	t.Run("what is left becomes its memory", func(t *testing.T) {
		args, w := argument(t, v, "keep")
		c := v.export("keep", args)
		c.result(t)
		w.write(60_000)
		w.End(nil)
		v.do(func() {})
		if w.Held() == 0 {
			t.Error("it is already, though the writer is there")
		}
		w.Leave(errFar)
		v.do(func() {})
		if held := w.Held(); held > 0 {
			t.Errorf("%d bytes count as the memory of a writer that is gone", held)
		}
		v.Do(func() error { return c.Cancel(nil) })
		c.wantExit(t)
	})
	if left := len(v.unread); left > 0 {
		t.Errorf("%d streams are left", left)
	}
	c := v.export("crash", link.Parcel{})
	r := readerOf(t, c.result(t).Streams[0])
	if _, err := r.rest(); !errors.Is(err, errFar) {
		t.Errorf("after a trap the reader sees %v", err)
	}
	<-v.ended
	wantTrap(t, v.err, "unreachable")
	v.wantNothing(v.Store)
}

// take takes an item.
func (f *far) take() link.Item {
	f.Helper()
	for {
		if items := f.Take(1); len(items) > 0 {
			return items[0]
		}
		if over, err := f.Over(); over {
			f.Fatalf("it is over: %v", err)
		}
		if !f.Ready() {
			f.wait()
		}
	}
}

// wantOver says that nothing else comes, and that nothing is missing.
func (f *far) wantOver() {
	f.Helper()
	for !f.Ready() {
		f.wait()
	}
	if over, err := f.Over(); !over || err != nil {
		f.Errorf("over: %t, %v", over, err)
	}
}

// A component of C gives and takes several streams and futures at once, of numbers, texts and results.
func TestLinkedValues(t *testing.T) {
	n := newNode(t, Config{})
	v := n.serve(n.load("streams"), abi.Config{}, executor.TaskSpec{})
	f := v.program.lifts[v.program.exports["zip"]].plan.Func
	var args link.Parcel
	var writers []*far
	for i := range f.Params {
		s := link.NewStream(f.Params[i].Type, &v.loaded.abi.buffers)
		args.Streams, args.Values = append(args.Streams, s), append(args.Values, value.Uint(uint64(i)))
		writers = append(writers, writerOf(t, s))
	}
	c := v.exportAny("zip", args)
	for i, name := range []string{"one", "two", "three"} {
		writers[0].Put(link.Item{Value: value.Uint(uint64(i + 1))})
		writers[1].Put(link.Item{Value: value.String(name)})
	}
	writers[1].End(nil)
	r := readerOf(t, c.result(t).Streams[0])
	for i, name := range []string{"one", "two", "three"} {
		if got := r.take().Value; got.Items[0].Bits != uint64(i+1) || string(got.Items[1].Bytes) != name {
			t.Errorf("%v", got)
		}
	}
	r.wantOver()
	writers[0].awaitGone()
	c.wantExit(t)

	c = v.exportAny("read", link.Parcel{Values: []value.Value{value.String("hello"), value.Case(1, value.String("it is late"))}})
	result := c.result(t)
	parts := result.Values[0].Items
	r = readerOf(t, result.Streams[parts[0].Bits])
	if read, err := r.rest(); read != 5 || err != nil {
		t.Errorf("%d bytes, %v", read, err)
	}
	end := readerOf(t, result.Streams[parts[1].Bits]).take().Value
	if end.Bits != 1 || string(end.Items[0].Bytes) != "it is late" {
		t.Errorf("it ends with %v", end)
	}
	c.wantExit(t)
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}

// Streams and futures cross in items of others, and a component may hand all of them back.
func TestLinkedItems(t *testing.T) {
	n := newNode(t, Config{})
	v := n.serve(n.load("back"), abi.Config{}, executor.TaskSpec{})
	begin := func(name string) (c *exporting, w *far) {
		s := newStreamOf(v, name)
		return v.exportAny(name, link.Parcel{Values: []value.Value{{}}, Streams: []*link.Stream{s}}), writerOf(t, s)
	}
	c, w := begin("nested")
	inner := newStreamOf(v, "texts")
	writer := writerOf(t, inner)
	w.Put(link.Item{Streams: []*link.Stream{inner}})
	w.End(nil)
	writer.Put(link.Item{Value: value.String("hello")})
	r := readerOf(t, c.result(t).Streams[0])
	item := r.take()
	reader := readerOf(t, item.Streams[0])
	if got := reader.take(); string(got.Value.Bytes) != "hello" {
		t.Errorf("%q", got.Value.Bytes)
	}
	writer.End(nil)
	reader.wantOver()
	r.wantOver()
	c.wantExit(t)

	// What nobody takes of them is given up.
	c, w = begin("nested")
	r = readerOf(t, c.result(t).Streams[0])
	inner = newStreamOf(v, "texts")
	writer = writerOf(t, inner)
	w.Put(link.Item{Streams: []*link.Stream{inner}})
	for !r.Ready() {
		r.wait()
	}
	r.Drop(nil)
	if why := writer.awaitGone(); why != nil {
		t.Error(why)
	}
	w.End(nil)
	c.wantExit(t)

	c, w = begin("promise")
	w.Put(link.Item{Value: value.String("yes")})
	w.End(nil)
	if got := readerOf(t, c.result(t).Streams[0]).take(); string(got.Value.Bytes) != "yes" {
		t.Errorf("%q", got.Value.Bytes)
	}
	c.wantExit(t)

	c, w = begin("nothings")
	for range 3 {
		w.Put(link.Item{})
	}
	w.End(nil)
	r = readerOf(t, c.result(t).Streams[0])
	for range 3 {
		r.take()
	}
	r.wantOver()
	c.wantExit(t)
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}
