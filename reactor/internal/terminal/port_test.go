package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/store"
)

// journal is a log that takes so much at a time, and keeps the newest of it.
type journal struct {
	bytes.Buffer
	most  int
	spare func(position int64) int64 // nil: without end
	start int64
	err   error
	drops bool // the last Append was allowed to drop something
}

func (j *journal) Append(_ store.Stream, p []byte, _ time.Time, mayDrop bool) (at int64, n int, err error) {
	at = j.end()
	if j.drops = mayDrop; j.err != nil {
		return at, 0, j.err
	}
	n, err = j.Write(p[:min(len(p), j.most)])
	return at, n, err
}

func (j *journal) Notify(ready func(), _ bool) (stop func()) { ready(); return func() {} }

func (j *journal) Spare(position int64) int64 {
	if j.spare == nil {
		return math.MaxInt64
	}
	return j.spare(position)
}

func (j *journal) Attempt() (uint32, int64) { return 7, j.start }

func (j *journal) end() int64 { return j.start + int64(j.Len()) }

// window has the journal keep only its newest bytes.
func (j *journal) window(size int64) *journal {
	j.spare = func(position int64) int64 { return size - (j.end() - position) }
	return j
}

var (
	interactive = Mode{Input: true}
	delivering  = Mode{Deliver: true}
)

func attach(t *testing.T, p *Port, log *journal) *Client {
	t.Helper()
	c, _, err := p.Attach("", 0, log.end)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestAttachInTheMiddle(t *testing.T) {
	p, log := NewPort(interactive), &journal{most: 1 << 20}
	write := func(stream store.Stream, s string) {
		t.Helper()
		if n, err := p.Write(stream, []byte(s), log); n != len(s) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", s, n, err)
		}
	}
	write(store.Stdout, "before ")
	c, at, err := p.Attach("", 0, log.end)
	if err != nil || at != 7 {
		t.Fatalf("attached at %d, %v", at, err)
	}
	if _, _, err := p.Attach("", 0, log.end); !errors.Is(err, ErrAttached) {
		t.Errorf("a second client: %v", err)
	}
	write(store.Stdout, "one ")
	write(store.Stdout, "two ")
	write(store.Stderr, "three ")
	for _, want := range []Run{{store.Stdout, []byte("one two "), 7, 7}, {store.Stderr, []byte("three "), 15, 7}} {
		if got, err := c.Next(t.Context()); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("Next = %+v, %v; want %+v", got, err, want)
		}
	}
	write(store.Stdout, "last")
	p.End()
	if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "last" {
		t.Errorf("Next after the end = %q, %v", got.Data, err)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, io.EOF) {
		t.Errorf("Next = %v, want io.EOF", err)
	}
	if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Send after the end: %v", err)
	}
	if got := log.String(); got != "before one two three last" {
		t.Errorf("the log has %q", got)
	}
}

// A client takes the place of one with the same name, whose connection is lost, and of no other. It goes on with the
// same input.
func TestTakeOver(t *testing.T) {
	p, log := NewPort(interactive), &journal{most: 1 << 20}
	old, _, err := p.Attach("me", 0, log.end)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", "another"} {
		if _, _, err := p.Attach(name, 0, log.end); !errors.Is(err, ErrAttached) {
			t.Errorf("%q attaches beside %q: %v", name, "me", err)
		}
	}
	p.Write(store.Stdout, []byte("lost with the connection"), log)
	c, until, err := p.Attach("me", 5, log.end)
	if err != nil || until != log.end() {
		t.Fatalf("attached at %d, %v", until, err)
	}
	if _, err := old.Next(t.Context()); !errors.Is(err, ErrReplaced) {
		t.Errorf("Next of the old one: %v", err)
	}
	if _, err := old.Send(t.Context(), []byte("x")); !errors.Is(err, ErrReplaced) {
		t.Errorf("Send of the old one: %v", err)
	}
	old.CloseSend()
	if !old.Detach() || old.Detach() {
		t.Error("Detach is true but once")
	}
	if _, err := c.Send(t.Context(), []byte("input")); err != nil {
		t.Errorf("Send: %v", err)
	}
	p.Write(store.Stdout, []byte("more"), log)
	if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "more" {
		t.Errorf("Next = %q, %v", got.Data, err)
	}
	c.Detach()
	attach(t, p, log) // the place is free
}

// A client whose guest is stopped gets what is left, and then learns that there is more to come, but not for it.
func TestStop(t *testing.T) {
	p, log := NewPort(interactive), &journal{most: 1 << 20}
	c := attach(t, p, log)
	if _, err := p.Write(store.Stdout, []byte("left"), log); err != nil {
		t.Fatal(err)
	}
	p.Stop()
	if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "left" {
		t.Errorf("Next = %q, %v", got.Data, err)
	}
	if _, err := c.Next(t.Context()); !errors.Is(err, ErrStopped) {
		t.Errorf("Next = %v, want ErrStopped", err)
	}
	if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Send to a stopped guest: %v", err)
	}
}

// TestShortAppend gives the client just what the log took.
func TestShortAppend(t *testing.T) {
	p, log := NewPort(interactive), &journal{most: 3}
	c := attach(t, p, log)
	if n, err := p.Write(store.Stdout, []byte("abcdef"), log); n != 3 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	log.err = hostcalls.ErrWouldBlock
	if n, err := p.Write(store.Stdout, []byte("def"), log); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "abc" {
		t.Errorf("Next = %q, %v", got.Data, err)
	}
}

func TestBackpressure(t *testing.T) {
	p, log := NewPort(interactive), &journal{most: 1 << 20}
	c := attach(t, p, log)
	block := make([]byte, queueBytes+1)
	if n, err := p.Write(store.Stdout, block, log); n != queueBytes || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if _, err := p.Write(store.Stdout, block, log); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Fatalf("Write into a full queue: %v", err)
	}
	if log.Len() != queueBytes {
		t.Errorf("the log has %d bytes that the client has not", log.Len()-queueBytes)
	}
	told := make([]int, 4)
	notify := func(i int) func() { return p.Notify(func() { told[i]++ }, log) }
	notify(0)
	stop := notify(1)
	stop()
	stop()
	if _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	notify(2) // there is room: it is up to the log
	if _, err := p.Write(store.Stdout, block, log); err != nil {
		t.Fatal(err)
	}
	notify(3)
	if !c.Detach() || c.Detach() {
		t.Error("Detach is true but once")
	}
	if told[0] != 1 || told[1] != 0 || told[2] != 1 || told[3] != 1 {
		t.Errorf("told %v times", told)
	}
	if n, err := p.Write(store.Stdout, block, log); n != len(block) || err != nil {
		t.Errorf("Write without a client = %d, %v", n, err)
	}
}

// A guest whose output is to be delivered writes as much without a client as the log keeps, waits for a client, and
// goes on when none came for a while; once one is attached it waits for that, however long.
func TestDeliver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := NewPort(delivering), (&journal{most: 1 << 20}).window(100)
		p.OnGuestStart()
		write := func(want int) {
			t.Helper()
			if n, err := p.Write(store.Stdout, make([]byte, 60), log); n != want || (n == 0) != errors.Is(err, hostcalls.ErrWouldBlock) {
				t.Fatalf("Write = %d, %v; want %d", n, err, want)
			}
		}
		ready := 0
		wait := func() (stop func()) { return p.Notify(func() { ready++ }, log) }
		write(60)
		write(40)
		write(0)
		if log.drops {
			t.Error("the log may drop what nobody has")
		}
		stop := wait()
		time.Sleep(patience / 2)
		c := attach(t, p, log)
		c.Replayed(30)
		synctest.Wait()
		if ready != 1 {
			t.Errorf("told %d times that there is room", ready)
		}
		stop()
		write(30)
		write(0)
		c.Replayed(100)
		c.Live()
		write(60)
		if !log.drops {
			t.Error("the log may drop nothing, though the client has what was before")
		}
		time.Sleep(10 * patience)
		write(10)
		write(0)
		ready = 0
		wait()
		if run, err := c.Next(t.Context()); err != nil || len(run.Data) != 100 || run.Offset != 100 || ready != 1 {
			t.Errorf("Next = %d bytes at %d, %v; told %d times", len(run.Data), run.Offset, err, ready)
		}
		write(60)
		c.Detach()
		write(40) // 60 bytes are not delivered
		write(0)
		ready = 0
		defer wait()()
		time.Sleep(patience - time.Second)
		write(0)
		time.Sleep(time.Second)
		synctest.Wait()
		if ready != 1 {
			t.Errorf("told %d times that nobody came", ready)
		}
		for range 10 {
			write(60)
		}
		c, until, err := p.Attach("", 260, log.end)
		if err != nil || until != log.end() {
			t.Fatalf("attached at %d, %v", until, err)
		}
		write(0) // until it has what is left of what was before
		c.Replayed(until)
		c.Live()
		write(60)
		if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, ErrNoInput) {
			t.Errorf("Send: %v", err)
		}
		c.CloseSend()
		if n, err := p.Stdin().Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
			t.Errorf("the guest reads %d, %v", n, err)
		}
	})
}

// A guest whose output is to be delivered does not wait for what earlier attempts wrote long ago.
func TestDeliverGoesOn(t *testing.T) {
	p, log := NewPort(delivering), (&journal{most: 1 << 20, start: 1 << 30}).window(1<<20)
	p.OnGuestStart()
	n, err := p.Write(store.Stdout, make([]byte, 2<<20), log)
	if n != 1<<20-queueBytes || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := NewPort(interactive), &journal{most: 1 << 20}
		c, _, _ := p.Attach("", 0, log.end)
		var waiting sync.WaitGroup
		waiting.Go(func() {
			if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "x" {
				t.Errorf("Next = %q, %v", got.Data, err)
			}
			if _, err := c.Next(t.Context()); !errors.Is(err, io.ErrClosedPipe) {
				t.Errorf("Next of a client that was detached: %v", err)
			}
		})
		synctest.Wait()
		p.Write(store.Stdout, []byte("x"), log)
		synctest.Wait()
		c.Detach()
		waiting.Wait()
		c, _, _ = p.Attach("", 0, log.end)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := c.Next(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Next: %v", err)
		}
	})
}

// TestInput writes more than the guest's pipe holds; a half-close comes after all of it, and the
// next client finds the input closed.
func TestInput(t *testing.T) {
	p := NewPort(interactive)
	c, _, _ := p.Attach("", 0, func() int64 { return 0 })
	const size = 1 << 20
	var sending sync.WaitGroup
	sending.Go(func() {
		if n, err := c.Send(context.Background(), make([]byte, size)); n != size || err != nil {
			t.Errorf("Send = %d, %v", n, err)
		}
		c.CloseSend()
	})
	stdin, got := p.Stdin(), 0
	buf := make([]byte, 4096)
	for {
		n, err := hostcalls.ReadContext(t.Context(), stdin, buf)
		got += n
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	sending.Wait()
	if got != size {
		t.Errorf("the guest read %d bytes", got)
	}
	c.Detach()
	c, _, _ = p.Attach("", 0, func() int64 { return 0 })
	if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Send after a half-close: %v", err)
	}
}
