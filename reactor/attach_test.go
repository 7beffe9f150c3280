package reactor

import (
	"bytes"
	"context"
	"errors"
	"io"
	"testing"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
)

func attach(t *testing.T, r *Reactor, id string) *Attachment {
	t.Helper()
	a, err := r.AttachWorkload(deadline(t), api.AttachRequest{ID: id})
	if err != nil {
		t.Fatalf("attach to %s: %v", id, err)
	}
	t.Cleanup(a.Close)
	return a
}

// expect reads output until there is as much as want has.
func expect(t *testing.T, a *Attachment, want string) {
	t.Helper()
	var got []byte
	for len(got) < len(want) {
		out, err := a.Next(deadline(t))
		if err != nil {
			t.Fatalf("after %q: %v", got, err)
		}
		got = append(got, out.Data...)
	}
	if string(got) != want {
		t.Fatalf("got %q, want %q", got, want)
	}
}

func send(t *testing.T, a *Attachment, s string) {
	t.Helper()
	if n, err := a.Write(deadline(t), []byte(s)); n != len(s) || err != nil {
		t.Fatalf("Write(%q) = %d, %v", s, n, err)
	}
}

// TestAttach talks to a guest: what was submitted, what was written before, a second client,
// another after the first, half-close, the end.
func TestAttach(t *testing.T) {
	r := open(t)
	push(t, r, "cat", "sleep")
	submit(t, r, "w", api.Spec{Module: "cat", Interactive: true, Stdin: []byte("submitted\n")})
	awaitWaiting(t, r, "w")

	a := attach(t, r, "w")
	expect(t, a, "submitted\n")
	send(t, a, "hello\n")
	expect(t, a, "hello\n")
	_, err := r.AttachWorkload(deadline(t), api.AttachRequest{ID: "w"})
	wantClass(t, err, errs.WorkloadAttached)

	a.Close()
	a.Close()
	if _, err := a.Next(deadline(t)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("Next after Close: %v", err)
	}
	b := attach(t, r, "w")
	expect(t, b, "submitted\nhello\n")
	send(t, b, "again\n")
	b.CloseWrite()
	expect(t, b, "again\n")
	if out, err := b.Next(deadline(t)); !errors.Is(err, io.EOF) {
		t.Errorf("Next at the end = %+v, %v", out, err)
	}
	w, err := b.Ended(deadline(t))
	if err != nil || w.Status.State != api.Succeeded {
		t.Errorf("Ended = %+v, %v", w, err)
	}
	if text, _ := readLog(t, r, api.LogRequest{ID: "w"}); text != "submitted\nhello\nagain\n" {
		t.Errorf("the log has %q", text)
	}
	b.Close()
	c := attach(t, r, "w")
	expect(t, c, "submitted\nhello\nagain\n")
	if _, err := c.Next(deadline(t)); !errors.Is(err, io.EOF) {
		t.Errorf("Next of a workload that has ended: %v", err)
	}
	submit(t, r, "plain", api.Spec{Module: "sleep"})
	_, err = r.AttachWorkload(deadline(t), api.AttachRequest{ID: "plain"})
	wantClass(t, err, errs.WorkloadNotInteractive)
	_, err = r.AttachWorkload(deadline(t), api.AttachRequest{ID: "nothing"})
	wantClass(t, err, errs.WorkloadNotFound)
}

// TestAttachBeforeStart attaches to a workload that is still in the queue.
func TestAttachBeforeStart(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "cat")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	submit(t, r, "w", api.Spec{Module: "cat", Interactive: true})
	a := attach(t, r, "w")
	send(t, a, "early")
	a.CloseWrite()
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"blocker"}}); err != nil {
		t.Fatal(err)
	}
	expect(t, a, "early")
	if _, err := a.Next(deadline(t)); !errors.Is(err, io.EOF) {
		t.Errorf("Next: %v", err)
	}
}

// TestAttachBackpressure sends a guest more than it can hold while nobody takes its output: it
// waits, and so does the sender. Then the output is taken, and all of it is there.
func TestAttachBackpressure(t *testing.T) {
	r := open(t)
	push(t, r, "cat")
	submit(t, r, "w", api.Spec{Module: "cat", Interactive: true, Limits: api.Limits{LogBytes: 1}})
	a := attach(t, r, "w")
	const size = 4 << 20
	sent := make(chan error, 1)
	started := make(chan struct{})
	go func() {
		block := bytes.Repeat([]byte{'x'}, 1<<10)
		for i := range size / len(block) {
			if i == 1 {
				close(started)
			}
			if _, err := a.Write(context.Background(), block); err != nil {
				sent <- err
				return
			}
		}
		a.CloseWrite()
		sent <- nil
	}()
	<-started
	awaitStatus(t, r, "w", "waits to write", func(s *api.Status) bool {
		return len(s.WaitingFor) == 1 && s.WaitingFor[0].Kind == api.OpKind(hostcalls.OpWrite)
	})
	select {
	case err := <-sent:
		t.Fatalf("all was taken though nobody reads: %v", err)
	default:
	}
	got := 0
	for {
		out, err := a.Next(deadline(t))
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got += len(out.Data)
	}
	if err := <-sent; err != nil || got != size {
		t.Errorf("got %d of %d bytes back, %v", got, size, err)
	}
}

// TestDetachReleases lets a guest go on that waits for a client which goes away.
func TestDetachReleases(t *testing.T) {
	r := open(t, func(c *Config) { c.MaxLive = 1 })
	push(t, r, "sleep", "flood")
	submit(t, r, "blocker", api.Spec{Module: "sleep"})
	awaitState(t, r, "blocker", api.Running)
	submit(t, r, "w", api.Spec{Module: "flood", Interactive: true})
	a := attach(t, r, "w")
	if _, err := r.CancelWorkloads(deadline(t), api.CancelRequest{IDs: []string{"blocker"}}); err != nil {
		t.Fatal(err)
	}
	awaitWaiting(t, r, "w")
	a.Close()
	if w := wait(t, r, "w"); w.Status.State != api.Succeeded {
		t.Errorf("status %+v", w.Status)
	}
}
