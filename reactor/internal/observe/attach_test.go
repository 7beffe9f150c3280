package observe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/logbuf"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

var interactive = terminal.Mode{Input: true}

// TestAttachReplays: a client gets what was written before it came, from the store and from memory, and then what is
// written, each byte once; and so does the next client.
func TestAttachReplays(t *testing.T) {
	for _, pause := range []time.Duration{0, time.Minute} { // within it, what was written is stored
		t.Run(fmt.Sprint(pause), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				x := newFixture(t)
				defer x.close()
				steps := make(chan string)
				w, _ := x.add("w", nil)
				w.port = terminal.NewPort(interactive)
				ended := x.start(w, &program{run: func(f *executor.Fiber, cfg *abi.Config) error {
					for text := range steps {
						if _, err := cfg.Stdout.Write([]byte(text)); err != nil {
							return err
						}
					}
					return f.Park()
				}})
				write := func(text string) {
					steps <- text
					time.Sleep(pause)
					synctest.Wait()
				}
				var a *Attachment
				attach := func() {
					t.Helper()
					var err error
					if a, err = x.Attach(t.Context(), &api.AttachRequest{ID: "w"}, interactive); err != nil {
						t.Fatal(err)
					}
				}
				read := func(want string) {
					t.Helper()
					got := ""
					for len(got) < len(want) {
						out, err := a.Next(t.Context())
						if err != nil {
							t.Fatalf("read %q, %v", got, err)
						}
						got += string(out.Data)
					}
					if got != want {
						t.Errorf("read %q, want %q", got, want)
					}
				}
				write("1")
				write("2")
				attach()
				_, err := x.Attach(t.Context(), &api.AttachRequest{ID: "w"}, interactive)
				wantClass(t, err, errs.WorkloadAttached)
				write("3")
				read("123")
				write("4")
				read("4")
				if !a.Detach() || a.Detach() {
					t.Error("only the first detaches")
				}
				write("5")
				attach()
				write("6")
				read("123456")
				close(steps)
				synctest.Wait()
				w.port.End()
				if _, err := a.Next(t.Context()); !errors.Is(err, io.EOF) {
					t.Errorf("after the end: %v", err)
				}
				x.end(w, ended)
				attach()
				read("123456")
				if _, err := a.Next(t.Context()); !errors.Is(err, io.EOF) {
					t.Errorf("after the end: %v", err)
				}
			})
		})
	}
}

// hurried is a node whose only workload ends, or runs and ends, while a client attaches: when the client has its port, and has then
// looked for its log, or read how long that is in the store.
type hurried struct {
	*node
	*disk
	onLog, onTail func()
	hasPort       bool
}

func (h *hurried) Port(id string, mode terminal.Mode) *terminal.Port {
	h.hasPort = true
	return h.node.Port(id, mode)
}

func (h *hurried) Log(id string) (*logbuf.Log, <-chan struct{}) {
	log, changed := h.node.Log(id)
	if f := h.onLog; f != nil && h.hasPort {
		h.onLog = nil
		f()
	}
	return log, changed
}

func (h *hurried) TailLog(ctx context.Context, id string, of store.Streams, lines int, cut store.Cut) (begin, end int64, err error) {
	begin, end, err = h.disk.TailLog(ctx, id, of, lines, cut)
	if f := h.onTail; f != nil {
		h.onTail = nil
		f()
	}
	return begin, end, err
}

// TestAttachWhileItEnds: a client gets all output of a workload that ends while the client attaches.
func TestAttachWhileItEnds(t *testing.T) {
	for _, started := range []bool{false, true} {
		t.Run(fmt.Sprintf("started=%t", started), func(t *testing.T) {
			x := newFixture(t)
			defer x.close()
			w, _ := x.add("w", nil)
			w.port = terminal.NewPort(interactive)
			wrote := make(chan struct{})
			start := func() (ended <-chan struct{}) {
				ended = x.start(w, &program{run: func(f *executor.Fiber, cfg *abi.Config) error {
					_, err := cfg.Stdout.Write([]byte("all"))
					close(wrote)
					return errors.Join(err, f.Park())
				}})
				<-wrote
				return ended
			}
			h := &hurried{node: x.node, disk: x.disk}
			if started {
				ended := start()
				h.onLog = func() { x.end(w, ended) }
			} else {
				h.onTail = func() { x.end(w, start()) }
			}
			x.Workloads, x.Store = h, h
			a, err := x.Attach(t.Context(), &api.AttachRequest{ID: "w"}, interactive)
			if err != nil {
				t.Fatal(err)
			}
			w.port.End()
			out, err := a.Next(t.Context())
			if err != nil || string(out.Data) != "all" {
				t.Errorf("%q, %v", out.Data, err)
			}
			if _, err := a.Next(t.Context()); !errors.Is(err, io.EOF) {
				t.Errorf("after the end: %v", err)
			}
		})
	}
}
