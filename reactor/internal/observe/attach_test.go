package observe

import (
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
	"github.com/reactord/reactord/reactor/internal/terminal"
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
