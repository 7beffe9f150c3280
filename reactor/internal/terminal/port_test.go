package terminal

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/store"
)

// journal is a log that keeps all it is given, up to so much at a time.
type journal struct {
	bytes.Buffer
	most int
	err  error
}

func (j *journal) keep(p []byte) (int, error) {
	if j.err != nil {
		return 0, j.err
	}
	return j.Write(p[:min(len(p), j.most)])
}

func (j *journal) position() int64 { return int64(j.Len()) }

func TestAttachInTheMiddle(t *testing.T) {
	p, log := NewPort(), &journal{most: 1 << 20}
	write := func(stream store.Stream, s string) {
		t.Helper()
		if n, err := p.Write(stream, []byte(s), log.keep); n != len(s) || err != nil {
			t.Fatalf("Write(%q) = %d, %v", s, n, err)
		}
	}
	write(store.Stdout, "before ")
	c, at, err := p.Attach(log.position)
	if err != nil || at != 7 {
		t.Fatalf("attached at %d, %v", at, err)
	}
	if _, _, err := p.Attach(log.position); !errors.Is(err, ErrAttached) {
		t.Errorf("a second client: %v", err)
	}
	write(store.Stdout, "one ")
	write(store.Stdout, "two ")
	write(store.Stderr, "three ")
	for _, want := range []Run{{store.Stdout, []byte("one two ")}, {store.Stderr, []byte("three ")}} {
		if got, err := c.Next(t.Context()); err != nil || got.Stream != want.Stream || !bytes.Equal(got.Data, want.Data) {
			t.Errorf("Next = %d %q, %v; want %d %q", got.Stream, got.Data, err, want.Stream, want.Data)
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

// A client whose guest is stopped gets what is left, and then learns that there is more to come, but not for it.
func TestStop(t *testing.T) {
	p, log := NewPort(), &journal{most: 1 << 20}
	c, _, err := p.Attach(log.position)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.Write(store.Stdout, []byte("left"), log.keep); err != nil {
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

// TestShortKeep gives the client just what the log took.
func TestShortKeep(t *testing.T) {
	p, log := NewPort(), &journal{most: 3}
	c, _, _ := p.Attach(log.position)
	if n, err := p.Write(store.Stdout, []byte("abcdef"), log.keep); n != 3 || err != nil {
		t.Errorf("Write = %d, %v", n, err)
	}
	log.err = hostcalls.ErrWouldBlock
	if n, err := p.Write(store.Stdout, []byte("def"), log.keep); n != 0 || !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Errorf("Write = %d, %v", n, err)
	}
	if got, err := c.Next(t.Context()); err != nil || string(got.Data) != "abc" {
		t.Errorf("Next = %q, %v", got.Data, err)
	}
}

func TestBackpressure(t *testing.T) {
	p, log := NewPort(), &journal{most: 1 << 20}
	c, _, _ := p.Attach(log.position)
	block := make([]byte, queueBytes+1)
	if n, err := p.Write(store.Stdout, block, log.keep); n != queueBytes || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
	if _, err := p.Write(store.Stdout, block, log.keep); !errors.Is(err, hostcalls.ErrWouldBlock) {
		t.Fatalf("Write into a full queue: %v", err)
	}
	if log.Len() != queueBytes {
		t.Errorf("the log has %d bytes that the client has not", log.Len()-queueBytes)
	}
	then := func(ready func()) func() { ready(); return func() {} }
	told := make([]int, 4)
	notify := func(i int) func() { return p.Notify(func() { told[i]++ }, then) }
	notify(0)
	stop := notify(1)
	stop()
	stop()
	if _, err := c.Next(t.Context()); err != nil {
		t.Fatal(err)
	}
	notify(2) // there is room: it is up to what else has to be ready
	if _, err := p.Write(store.Stdout, block, log.keep); err != nil {
		t.Fatal(err)
	}
	notify(3)
	if !c.Detach() || c.Detach() {
		t.Error("Detach is true but once")
	}
	if told[0] != 1 || told[1] != 0 || told[2] != 1 || told[3] != 1 {
		t.Errorf("told %v times", told)
	}
	if n, err := p.Write(store.Stdout, block, log.keep); n != len(block) || err != nil {
		t.Errorf("Write without a client = %d, %v", n, err)
	}
}

func TestNextWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, log := NewPort(), &journal{most: 1 << 20}
		c, _, _ := p.Attach(log.position)
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
		p.Write(store.Stdout, []byte("x"), log.keep)
		synctest.Wait()
		c.Detach()
		waiting.Wait()
		c, _, _ = p.Attach(log.position)
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
	p := NewPort()
	c, _, _ := p.Attach(func() int64 { return 0 })
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
	c, _, _ = p.Attach(func() int64 { return 0 })
	if _, err := c.Send(t.Context(), []byte("x")); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Send after a half-close: %v", err)
	}
}
