package component

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/reactord/reactord/component/value"
	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/link"
)

const pipes = "example:pipes/pipes@1.0.0#"

// far is a side of a stream that is no store's.
type far struct {
	testing.TB
	*link.Stream
	woken chan struct{}
}

// farOf is the side that reads or writes a stream.
func farOf(t testing.TB, s *link.Stream, begin func(s *link.Stream, wake func())) *far {
	f := &far{t, s, make(chan struct{}, 1)}
	begin(s, func() {
		select {
		case f.woken <- struct{}{}:
		default:
		}
	})
	return f
}

func readerOf(t testing.TB, s *link.Stream) *far { return farOf(t, s, (*link.Stream).Reads) }
func writerOf(t testing.TB, s *link.Stream) *far { return farOf(t, s, (*link.Stream).Writes) }

func (f *far) wait() {
	select {
	case <-f.woken:
	case <-time.After(20 * time.Second):
		panic("nobody wakes the other side")
	}
}

// rest reads to the end.
func (f *far) rest() (n int, err error) {
	buffer := make([]byte, 10_000)
	for {
		read := f.Read(buffer)
		n += read
		over, err := f.Over()
		switch {
		case over:
			return n, err
		case read == 0 && !f.Ready():
			f.wait()
		}
	}
}

// write writes so many bytes, and returns how many somebody reads, or may read.
func (f *far) write(n int) (written int) {
	for written < n {
		written += f.Write(make([]byte, min(n-written, 10_000)))
		if gone, _ := f.Gone(); gone {
			return written
		}
		if f.Room() == 0 {
			f.wait()
		}
	}
	return written
}

// awaitGone waits until nobody reads, and returns why.
func (f *far) awaitGone() error {
	for {
		if gone, why := f.Gone(); gone {
			return why
		}
		f.wait()
	}
}

// farProvider is a workload that is called.
type farProvider struct {
	exports *link.Exports
	call    func(c link.Call, answer func(link.Answer)) (cancel func())
}

func (p *farProvider) Exports() *link.Exports { return p.exports }

func (p *farProvider) Call(c link.Call, answer func(link.Answer)) (cancel func()) {
	c.Function = strings.TrimPrefix(c.Function, pipes)
	return p.call(c, answer)
}

// linkedHost links a store with a provider.
type linkedHost struct {
	*Store
	peer link.Peer
}

func (h *linkedHost) Open() error {
	const name = "example:pipes/pipes"
	if imports := h.LinkImports(name); len(imports) > 0 {
		h.Link(name, link.New(h.peer, "far", imports), nil)
	}
	return nil
}

func (*linkedHost) Close()                    {}
func (*linkedHost) ListenAddresses() []string { return nil }

// newLinkedNode makes a node whose stores call a provider.
func newLinkedNode(t testing.TB, p *farProvider) *node {
	t.Helper()
	peer := link.Peer{Offers: link.NewOffers(), Tenant: "t", ID: "far"}
	n := newNodeOf(t, Config{NewHost: func(s *Store, _ *abi.Config) (Host, error) { return &linkedHost{s, peer}, nil }}, 2)
	p.exports, _ = n.load("pipes").Offered()
	withdraw, err := peer.Offer(p)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(withdraw)
	return n
}

// linkedRun is a component that calls a provider.
type linkedRun struct {
	*Process
	task  *executor.Task
	exit  abi.Exit
	err   error
	ended chan struct{}
}

// beginLinked begins a call of piping.wasm, which calls the provider.
func (n *node) beginLinked(export string, memory int64, args ...uint64) *linkedRun {
	n.Helper()
	call := &abi.FunctionCall{Export: export}
	for _, a := range args {
		call.Args = append(call.Args, value.Literal{Form: value.UintForm, Bits: a})
	}
	process, err := n.load("piping").NewProcess(&abi.Config{Driver: n.executor.Driver(), Call: call, MemoryBytes: memory})
	if err != nil {
		n.Fatal(err)
	}
	r := &linkedRun{Process: process.(*Process), ended: make(chan struct{})}
	r.task, err = n.executor.Spawn(executor.TaskSpec{
		Turn: abi.Turns(process, func(e abi.Exit, err error) { r.exit, r.err = e, err }),
		Done: func(*executor.Task) { close(r.ended) },
	})
	if err != nil {
		n.Fatal(err)
	}
	return r
}

// wait waits until it has ended, and returns how: a number, or an error.
func (r *linkedRun) wait(n *node) string {
	n.Helper()
	<-r.ended
	n.wantNothing(&r.Store)
	if len(r.unread) > 0 {
		n.Errorf("it has left %d streams", len(r.unread))
	}
	if r.err != nil {
		return r.err.Error()
	}
	return fmt.Sprint(r.exit.Result.Bits)
}

var errFar = errors.New("it has failed")

// answered is an answer with a stream, whose writing side it returns.
func answered(t testing.TB, n *node) (link.Answer, *far) {
	s := link.NewStream(n.load("pipes").lifts[0].plan.Func.Params[0].Type, &n.abi.buffers)
	return link.Answer{Results: link.Parcel{Values: []value.Value{{}}, Streams: []*link.Stream{s}}}, writerOf(t, s)
}

// TestLinkedCaller: what a component sees of streams of a workload that it calls, and that workload of its streams.
func TestLinkedCaller(t *testing.T) {
	p := &farProvider{}
	n := newLinkedNode(t, p)
	none := func() {}
	var side *far
	for _, tt := range []struct {
		name, export string
		args         []uint64
		call         func(c link.Call, answer func(link.Answer))
		want         string
		after        func() string // what is wrong afterwards
	}{
		{"the call is refused", "pour", []uint64{1_000_000}, func(c link.Call, answer func(link.Answer)) {
			c.Args.Discard()
			answer(link.Answer{Err: errFar})
		}, "workload far, which gives it: it has failed", nil},
		{"the reader does not want it", "keeps", []uint64{1_000_000}, func(c link.Call, answer func(link.Answer)) {
			c.Args.Discard()
			answer(link.Answer{})
		}, "0", nil},
		{"the reader fails", "keeps", []uint64{1_000_000}, func(c link.Call, answer func(link.Answer)) {
			answer(link.Answer{})
			c.Args.Streams[0].Drop(errFar)
		}, "workload far, which is at the other end of a stream<u8> of " + pipes + "keep: it has failed", nil},
		{"it ends without the end of its stream", "keeps", []uint64{1000}, func(c link.Call, answer func(link.Answer)) {
			side = readerOf(t, c.Args.Streams[0])
			answer(link.Answer{})
		}, "1000", func() string {
			if read, err := side.rest(); read != 1000 || err != nil {
				return fmt.Sprint(read, err)
			}
			return ""
		}},
		{"the writer ends", "fills", []uint64{0}, func(_ link.Call, answer func(link.Answer)) {
			a, w := answered(t, n)
			w.Write(make([]byte, 777))
			w.End(nil)
			answer(a)
		}, "777", nil},
		{"the writer ends and leaves", "fills", []uint64{0}, func(_ link.Call, answer func(link.Answer)) {
			a, w := answered(t, n)
			answer(a)
			go func() {
				w.write(1_000_000)
				w.End(nil)
				w.Leave(errFar)
			}()
		}, "1000000", nil},
		{"the writer fails", "fills", []uint64{0}, func(_ link.Call, answer func(link.Answer)) {
			a, w := answered(t, n)
			answer(a)
			go func() {
				w.write(100_000)
				w.End(errFar)
			}()
		}, "workload far, which is at the other end of a stream<u8> of " + pipes + "fill: it has failed", nil},
		{"it does not read", "leaves", nil, func(_ link.Call, answer func(link.Answer)) {
			var a link.Answer
			a, side = answered(t, n)
			answer(a)
		}, "0", func() string { return strings.TrimPrefix(fmt.Sprint(side.awaitGone()), "<nil>") }},
	} {
		p.call = func(c link.Call, answer func(link.Answer)) func() {
			tt.call(c, answer)
			return none
		}
		if got := n.beginLinked(tt.export, 0, tt.args...).wait(n); got != tt.want && !strings.HasPrefix(got, tt.want+"\n") {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
		if tt.after != nil {
			if wrong := tt.after(); wrong != "" {
				t.Errorf("%s: afterwards %s", tt.name, wrong)
			}
		}
	}
}

// A component that waits in a synchronous function goes on with its streams, for which the other workload may wait.
func TestLinkedSynchronous(t *testing.T) {
	const bytes = 500_000
	p := &farProvider{}
	n := newLinkedNode(t, p)
	var reading sync.WaitGroup
	p.call = func(c link.Call, answer func(link.Answer)) func() {
		switch c.Function {
		case "drain":
			r := readerOf(t, c.Args.Streams[0])
			reading.Go(func() {
				buffer := make([]byte, 10_000)
				for left := bytes; left > 0; {
					read := r.Read(buffer)
					if left -= read; read == 0 && !r.Ready() {
						r.wait()
					}
				}
			})
		case "tick":
			go func() {
				reading.Wait()
				answer(link.Answer{})
			}()
		}
		return func() {}
	}
	if got := n.beginLinked("ticks", 0, bytes).wait(n); got != fmt.Sprint(bytes) {
		t.Error(got)
	}
}

// A caller that is ended gives up the calls and streams that it has, and the answers that come later.
func TestLinkedCallerEnds(t *testing.T) {
	p := &farProvider{}
	n := newLinkedNode(t, p)
	type call struct {
		link.Call
		answer func(link.Answer)
	}
	calls, cancelled := make(chan call, 1), make(chan struct{}, 1)
	p.call = func(c link.Call, answer func(link.Answer)) func() {
		calls <- call{c, answer}
		return func() { cancelled <- struct{}{} }
	}
	end := func(r *linkedRun) {
		t.Helper()
		r.task.Cancel(errFar)
		if got := r.wait(n); got != errFar.Error() {
			t.Errorf("it ends with %s", got)
		}
	}

	r := n.beginLinked("hears", 0)
	c := <-calls
	end(r)
	<-cancelled
	a, w := answered(t, n)
	c.answer(a)
	if why := w.awaitGone(); why != nil {
		t.Error(why)
	}

	r = n.beginLinked("hears", 0)
	c = <-calls
	a, w = answered(t, n)
	c.answer(a)
	w.write(10)
	for w.Moved() < 10 {
		w.WaitToWrite()
		w.wait()
	}
	end(r)
	if why := w.awaitGone(); why == nil || !errors.Is(why, errCallerEnded) {
		t.Errorf("the writer sees %v", why)
	}

	r = n.beginLinked("pour", 0, 1_000_000)
	c = <-calls
	reader := readerOf(t, c.Args.Streams[0])
	for reader.Read(make([]byte, 100)) == 0 && !reader.Ready() {
		reader.wait()
	}
	end(r)
	<-cancelled
	if _, err := reader.rest(); !errors.Is(err, errCallerEnded) {
		t.Errorf("the reader sees %v", err)
	}
}

// A component that has cancelled a call does not trap at its streams, however the other workload ends it.
func TestLinkedCancelled(t *testing.T) {
	p := &farProvider{}
	n := newLinkedNode(t, p)
	p.call = func(c link.Call, _ func(link.Answer)) func() {
		return func() { c.Args.Streams[0].Drop(errFar) }
	}
	const cancelled = "4" // before it has returned
	if got := n.beginLinked("cancels", 0).wait(n); got != cancelled {
		t.Error(got)
	}
}

// What nobody has read counts as memory of the component that has written it. With little memory it writes small pieces, and waits.
func TestLinkedStreamMemory(t *testing.T) {
	p := &farProvider{}
	n := newLinkedNode(t, p)
	p.call = func(_ link.Call, answer func(link.Answer)) func() {
		answer(link.Answer{})
		return func() {}
	}
	const bytes, threads = 60_000, 32 << 10 // what it takes that it waits
	limit := int64(2 << 20)
	for got := ""; got != "1"; limit += 4 << 10 {
		if got = n.beginLinked("keeps", limit, 1).wait(n); limit > 4<<20 {
			t.Fatal(got)
		}
	}
	read := make(chan int, 1)
	p.call = func(c link.Call, answer func(link.Answer)) func() {
		answer(link.Answer{})
		r := readerOf(t, c.Args.Streams[0])
		go func() {
			n, _ := r.rest()
			read <- n
		}()
		return func() {}
	}
	if got := n.beginLinked("keeps", limit+threads, bytes).wait(n); got != fmt.Sprint(bytes) {
		t.Errorf("with little memory: %s", got)
	}
	if n := <-read; n != bytes {
		t.Errorf("%d bytes were read", n)
	}
}

// A component that has no memory for a larger window writes through the one that it has.
func TestLinkedStreamWithoutMemory(t *testing.T) {
	n := newNode(t, Config{})
	v := n.serve(n.load("pipes"), abi.Config{MemoryBytes: 1 << 20}, executor.TaskSpec{})
	args, w := argument(t, v, "copy")
	c := v.export("copy", args)
	r := readerOf(t, c.result(t).Streams[0])
	w.write(1_000)
	for read := 0; read < 1_000; read += r.Read(make([]byte, 1_000)) {
		if !r.Ready() {
			r.wait()
		}
	}
	taken := int64(0)
	v.do(func() {
		for v.Hold(1_000) {
			taken += 1_000
		}
		v.Free(5_000) // for a window, though not for a stack
		taken -= 5_000
	})
	go func() {
		w.write(60_000)
		w.End(nil)
	}()
	if read, err := r.rest(); read != 60_000 || err != nil {
		t.Errorf("%d bytes, %v", read, err)
	}
	c.wantExit(t)
	v.do(func() { v.Free(taken) })
	v.wantIdle()
	if err := v.stop(); err != nil {
		t.Error(err)
	}
}
