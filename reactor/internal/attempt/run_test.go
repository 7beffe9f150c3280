package attempt

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/outcome"
	"github.com/reactord/reactord/reactor/internal/retry"
)

// TestOutcomes: how an attempt ended, by what its process did and what it was told.
func TestOutcomes(t *testing.T) {
	passing := fmt.Errorf("map memory: %w", syscall.ENOMEM)
	panics := &program{run: func(_ *executor.Fiber, cfg *abi.Config) (abi.Exit, error) {
		cfg.OnStart()
		panic("a fault")
	}}
	for _, tc := range []struct {
		name    string
		program *program
		cause   lifecycle.Cause // before it ran
		begun   bool
		want    outcome.Outcome
	}{
		{"succeeds", begins(abi.Exit{Results: []string{"5"}}, nil), 0, true,
			outcome.Outcome{State: api.Succeeded, Reason: api.ReasonExit, Peak: 7}},
		{"fails", begins(abi.Exit{Code: 1}, nil), 0, true,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonExit, Peak: 7}},
		{"traps", begins(abi.Exit{}, &engine.Trap{}), 0, true,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonTrap, Peak: 7}},
		{"a trouble before it began passes", fails(passing), 0, false,
			outcome.Outcome{State: api.Pending, Trouble: retry.Memory, Peak: 7}},
		{"the same once it has begun is its own", begins(abi.Exit{}, passing), 0, true,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonInternal, Peak: 7}},
		{"what lasts, before it began", fails(&abi.EntryError{Msg: "no"}), 0, false,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonInvalidModule, Peak: 7}},
		{"no process, for now", &program{refused: passing}, 0, false,
			outcome.Outcome{State: api.Pending, Trouble: retry.Memory}},
		{"no process", &program{refused: &abi.EntryError{Msg: "no"}}, 0, false,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonInvalidModule}},
		{"cancelled while it opened its grants", fails(outcome.Interrupt{Cause: lifecycle.ByClient}), 0, false,
			outcome.Outcome{State: api.Cancelled, Reason: api.ReasonCancelled, Peak: 7}},
		{"cancelled before it ran", fails(errors.New("it ran")), lifecycle.ByClient, false,
			outcome.Outcome{State: api.Cancelled, Reason: api.ReasonCancelled}},
		{"a shutdown before it ran", fails(errors.New("it ran")), lifecycle.ByShutdown, false,
			outcome.Outcome{State: api.Pending}},
		{"panics", panics, 0, true,
			outcome.Outcome{State: api.Failed, Reason: api.ReasonInternal}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, func(f *fixture) {
				tc.program.peak = 7
				a := f.attempt(tc.program)
				<-f.spawn(a, tc.cause)
				got := a.Outcome()
				if got.State != tc.want.State || got.Reason != tc.want.Reason || got.Trouble != tc.want.Trouble || got.Peak != tc.want.Peak {
					t.Errorf("outcome %+v, want %+v", got, tc.want)
				}
				if got.Trouble != retry.None && !errors.Is(got.Cause, syscall.ENOMEM) {
					t.Errorf("the cause of the trouble is %v", got.Cause)
				}
				begun := 0
				if tc.begun {
					begun = 1
				}
				if a.Begun() != tc.begun || f.owner.begun != begun {
					t.Errorf("begun %t, and its owner was told %d times", a.Begun(), f.owner.begun)
				}
			})
		})
	}
}

// TestInterrupt: a task that is ended ends the attempt with the cause, whether or not it ever ran.
func TestInterrupt(t *testing.T) {
	in(t, func(f *fixture) {
		parked := f.attempt(parks())
		ended := f.spawn(parked, lifecycle.NoCause)
		synctest.Wait()
		if !parked.Parked() || !parked.Running() {
			t.Error("it does not wait")
		}
		parked.Interrupt(lifecycle.ByDeadline)
		<-ended
		if got := parked.Outcome(); got.State != api.Failed || got.Reason != api.ReasonDeadline {
			t.Errorf("parked: %+v", got)
		}

		release := make(chan struct{})
		busy := f.attempt(&program{run: func(*executor.Fiber, *abi.Config) (abi.Exit, error) { <-release; return abi.Exit{}, nil }})
		busyEnded := f.spawn(busy, lifecycle.NoCause)
		synctest.Wait()
		queued := f.attempt(fails(errors.New("it ran"))) // behind the only worker
		ended = f.spawn(queued, lifecycle.NoCause)
		queued.Interrupt(lifecycle.ByClient)
		close(release)
		<-ended
		<-busyEnded
		if got := queued.Outcome(); got.State != api.Cancelled || queued.Running() {
			t.Errorf("queued: %+v", got)
		}
		if got := busy.Outcome(); got.State != api.Succeeded {
			t.Errorf("another: %+v", got)
		}
	})
}

// TestWithoutATask: an attempt that has no task yet can be looked at, woken and interrupted.
func TestWithoutATask(t *testing.T) {
	in(t, func(f *fixture) {
		a := f.attempt(parks())
		a.Interrupt(lifecycle.ByClient)
		a.Wake()
		if a.Parked() || a.Running() || a.AppendOps(nil) != nil || a.ListenAddresses() != nil || a.LogIfAny() != nil || !reflect.DeepEqual(a.Usage(), api.Usage{}) {
			t.Error("there is something already")
		}
	})
}

// TestWake wakes a guest that waits.
func TestWake(t *testing.T) {
	in(t, func(f *fixture) {
		a := f.attempt(parks())
		ended := f.spawn(a, lifecycle.NoCause)
		synctest.Wait()
		a.Wake()
		<-ended
		if got := a.Outcome(); got.State != api.Succeeded {
			t.Errorf("%+v", got)
		}
	})
}

// TestProcessConfig: what the process is made with.
func TestProcessConfig(t *testing.T) {
	in(t, func(f *fixture) {
		p := begins(abi.Exit{}, nil)
		p.address = "127.0.0.1:1"
		a := f.attempt(p, func(cfg *Config) {
			cfg.Spec.Args, cfg.Spec.Env = []string{"a", "b"}, map[string]string{"B": "2", "A": "1=1", "C": ""}
			cfg.Spec.Stdin = []byte("input")
		})
		f.run(a)
		got := p.config
		if !slices.Equal(got.Args, []string{"w", "a", "b"}) || !slices.Equal(got.Env, []string{"A=1=1", "B=2", "C="}) {
			t.Errorf("arguments %q, environment %q", got.Args, got.Env)
		}
		if got.HeldBytes != 5 || got.Owner != "w" || got.Memory != f.owner {
			t.Errorf("%+v", got)
		}
		if !slices.Equal(a.ListenAddresses(), []string{p.address}) {
			t.Errorf("it listens at %q", a.ListenAddresses())
		}
		f.run(f.attempt(p, func(cfg *Config) { cfg.Spec.Name = "named" }))
		if !slices.Equal(p.config.Args, []string{"named"}) || p.config.Env != nil {
			t.Errorf("named: %q, %q", p.config.Args, p.config.Env)
		}
	})
}
