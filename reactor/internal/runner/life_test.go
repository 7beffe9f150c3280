package runner

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/lifecycle"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/terminal"
	"github.com/reactord/reactord/reactor/store"
)

// TestLife: a workload's changes are told when it begins to run and when it is gone, and what is told is in the store.
func TestLife(t *testing.T) {
	in(t, parks, func(f *fixture) {
		changed := f.submit("w")
		if a, delay, live := f.Look("w"); a != nil || delay != nil || !live {
			t.Errorf("queued: %v, %v, %t", a, delay, live)
		}
		f.Start()
		<-changed
		synctest.Wait()
		a, delay, live := f.Look("w")
		if a == nil || delay != nil || !live || !a.Parked() || a.Number != 1 {
			t.Fatalf("running: %+v, %v, %t", a, delay, live)
		}
		f.wantState("w", store.Running, 0)
		changed = f.Changed("w")

		f.disk.hold() // the store takes its time
		a.Wake()
		synctest.Wait()
		if got, _, _ := f.Look("w"); got != a || isClosed(changed) {
			t.Error("its end is told before it is stored")
		}
		f.disk.release()
		<-changed
		f.wantState("w", store.Succeeded, api.ReasonExit)
		if f.Changed("w") != nil || f.Cancel("w") != nil || f.Port("w", terminal.Mode{}) != nil {
			t.Error("it is not gone")
		}
		if log, changed := f.Log("w"); log != nil || changed != nil {
			t.Error("its log is not gone")
		}
		if s := f.Stats(); s.Succeeded != 1 || s.Live != 0 || s.Pending != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestCancel at each stage ends a workload for good.
func TestCancel(t *testing.T) {
	for _, tc := range []struct {
		name    string
		prepare func(f *fixture)
		want    []string // that the store records
	}{
		{"queued", func(*fixture) {}, []string{"w CANCELLED"}},
		{"running", func(f *fixture) {
			f.Start()
			synctest.Wait()
		}, []string{"w RUNNING", "w CANCELLED"}},
		{"loading", func(f *fixture) {
			f.load = func() (abi.Program, error) {
				f.Cancel("w")
				return &program{run: parks}, nil
			}
			f.Start()
		}, []string{"w CANCELLED"}},
		{"loading, and that fails", func(f *fixture) {
			f.load = func() (abi.Program, error) {
				f.Cancel("w")
				return nil, errFault
			}
			f.Start()
		}, []string{"w CANCELLED"}},
		{"delayed", func(f *fixture) {
			f.load = func() (abi.Program, error) { return nil, syscall.ENOMEM }
			f.Start()
			synctest.Wait()
		}, []string{"w CANCELLED"}},
		{"being put back", func(f *fixture) {
			f.Start()
			synctest.Wait()
			f.disk.hold()
			f.interrupt(f.live["w"], lifecycle.ByShutdown)
			synctest.Wait()
			f.Cancel("w")
			f.disk.release()
		}, []string{"w RUNNING", "w PENDING", "w CANCELLED"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, parks, func(f *fixture) {
				f.submit("w")
				tc.prepare(f)
				f.Cancel("w")
				synctest.Wait()
				f.wantState("w", store.Cancelled, api.ReasonCancelled)
				if diff := cmp.Diff(tc.want, f.disk.history); diff != "" {
					t.Errorf("recorded (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestFailsToStart: what lasts ends a workload that can't be started, with the reason.
func TestFailsToStart(t *testing.T) {
	for _, tc := range []struct {
		name   string
		load   func() (abi.Program, error)
		change func(f *fixture)
		reason api.Reason
	}{
		{"module", func() (abi.Program, error) { return nil, &abi.UnknownKindError{} }, nil, api.ReasonInvalidModule},
		{"a fault", func() (abi.Program, error) { return nil, errFault }, nil, api.ReasonInternal},
		{"its record", nil, func(f *fixture) { f.live["w"].spec, f.live["w"].rec = nil, &store.Workload{ID: "w", Spec: []byte("{")} }, api.ReasonInternal},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in(t, parks, func(f *fixture) {
				if tc.load != nil {
					f.load = tc.load
				}
				f.submit("w")
				if tc.change != nil {
					tc.change(f)
				}
				f.Start()
				synctest.Wait()
				f.wantState("w", store.Failed, tc.reason)
			})
		})
	}
}

// TestTroublePasses: a workload that meets a trouble of the host, before or after it has an attempt, is tried again
// until it begins.
func TestTroublePasses(t *testing.T) {
	const failures = 5
	for _, onFiber := range []bool{false, true} {
		t.Run(fmt.Sprintf("on its fiber: %t", onFiber), func(t *testing.T) {
			tries := 0
			try := func() error {
				if tries++; tries <= failures {
					return syscall.ENOMEM
				}
				return nil
			}
			run := func(f *executor.Fiber, cfg *abi.Config) error {
				if onFiber {
					if err := try(); err != nil {
						return err
					}
				}
				return parks(f, cfg)
			}
			in(t, run, func(f *fixture) {
				if !onFiber {
					f.load = func() (abi.Program, error) { return &program{run: run}, try() }
				}
				f.submit("w")
				f.Start()
				synctest.Wait()
				_, delay, live := f.Look("w")
				if !live || delay == nil || delay.Failures != 1 || delay.Reason != api.DelayReason(retry.Memory) || !delay.Until.After(time.Now()) {
					t.Fatalf("delayed by %+v (live: %t)", delay, live)
				}
				if s := f.Stats(); s.Delayed[retry.Memory] != 1 || s.Pending != 1 || f.Waiting(retry.Memory) != 1 {
					t.Errorf("%+v", s)
				}
				time.Sleep(time.Duration(failures) * retry.MaxDelay)
				synctest.Wait()
				a, delay, _ := f.Look("w")
				if a == nil || !a.Parked() || delay != nil || f.Waiting(retry.Memory) != 0 {
					t.Fatalf("it does not run after %d tries: %+v", tries, delay)
				}
				if want := uint32(1); !onFiber && a.Number != want || onFiber && a.Number != failures+1 {
					t.Errorf("it runs in attempt %d", a.Number)
				}
			})
		})
	}
}

// TestTimeoutWhileItWaits: the timeout of one that was started before counts while it waits for a trouble to pass.
func TestTimeoutWhileItWaits(t *testing.T) {
	in(t, func(*executor.Fiber, *abi.Config) error { return syscall.ENOSPC }, func(f *fixture) {
		begin := time.Now()
		f.submit("w", func(spec *api.Spec) { spec.Limits.Timeout = 10 * time.Minute })
		f.Start()
		time.Sleep(10*time.Minute - time.Second)
		synctest.Wait()
		f.wantState("w", store.Pending, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		f.wantState("w", store.Failed, api.ReasonDeadline)
		if _, status := f.status("w"); !status.FirstStart.Equal(begin) {
			t.Errorf("it was first started %v after the submission", status.FirstStart.Sub(begin))
		}
	})
}

// TestTimeout ends what runs, counted from its first start.
func TestTimeout(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("w", func(spec *api.Spec) { spec.Limits.Timeout = time.Minute })
		f.Start()
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		f.wantState("w", store.Running, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		f.wantState("w", store.Failed, api.ReasonDeadline)
	})
}

// TestModuleIsPushed: those that wait for a module to be pushed again do not wait longer.
func TestModuleIsPushed(t *testing.T) {
	in(t, parks, func(f *fixture) {
		load := f.load
		f.load = func() (abi.Program, error) {
			return nil, &store.CorruptError{Kind: store.KindModule, Err: errFault}
		}
		f.submit("w")
		f.Start()
		synctest.Wait()
		if got := f.Waiting(retry.Damage); got != 1 {
			t.Fatalf("%d wait", got)
		}
		f.load = load
		f.OnModuleStored(store.DigestOf([]byte("another")))
		synctest.Wait()
		if a, _, _ := f.Look("w"); a != nil {
			t.Error("another module was pushed, and it was tried")
		}
		f.OnModuleStored(hello)
		synctest.Wait()
		if a, _, _ := f.Look("w"); a == nil {
			t.Error("it waits on")
		}
	})
}

// TestEndIsRefused: nothing can be done for a workload whose end the store refuses to record, and nobody waits for it.
func TestEndIsRefused(t *testing.T) {
	in(t, parks, func(f *fixture) {
		changed := f.submit("w")
		f.Start()
		<-changed
		f.disk.refused = errFault
		changed = f.Cancel("w")
		<-changed
		if state, _ := f.status("w"); state != store.Running || f.Changed("w") != nil {
			t.Errorf("it is %v, and not gone", state)
		}
		if s := f.Stats(); s.Live != 0 || s.Cancelled != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestDrain: nothing is started while the node drains, and all when it does not any more.
func TestDrain(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("runs")
		f.Start()
		synctest.Wait()
		f.submit("waits")
		f.Drain(true)
		f.Kick()
		synctest.Wait()
		if live := f.Drain(true); live < 1 || !f.Draining() {
			t.Errorf("%d run", live)
		}
		f.Drain(false)
		synctest.Wait()
		if live := f.Drain(false); live != 2 {
			t.Errorf("%d run, want 2", live)
		}
		if _, ok := f.DrainForGood(); !ok {
			t.Error("it drains for good already")
		}
		if _, ok := f.DrainForGood(); ok || f.Drain(false) != 2 || !f.Draining() {
			t.Error("what is for good is undone")
		}
	})
}

// TestUnwind puts back all that runs, for the next daemon, and leaves what waits as it is.
func TestUnwind(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("a")
		f.submit("b")
		f.Start()
		synctest.Wait()
		f.DrainForGood()
		f.queue("waits", &api.Spec{}) // its submission was under way
		if err := f.Unwind(f.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"a", "b", "waits"} {
			f.wantState(id, store.Pending, 0)
		}
		if slices.Contains(f.disk.history, "waits PENDING") || len(f.disk.history) != 4 {
			t.Errorf("recorded %q", f.disk.history)
		}
	})
}

// TestWaitServices: it waits for what ends by itself, and not for services, also when one of them has failed meanwhile.
func TestWaitServices(t *testing.T) {
	in(t, parks, func(f *fixture) {
		serves := func(s *api.Spec) { s.Serve = &api.HTTPService{} }
		f.submit("job")
		f.submit("fails", serves)
		f.submit("service", serves)
		f.Start()
		synctest.Wait()
		f.DrainForGood()
		idle := make(chan error, 1)
		go func() { idle <- f.WaitServices(f.Context()) }()
		for _, id := range []string{"fails", "job"} {
			synctest.Wait()
			if len(idle) > 0 {
				t.Fatalf("it does not wait for %s", id)
			}
			a, _, _ := f.Look(id)
			a.Wake()
		}
		if err := <-idle; err != nil {
			t.Error(err)
		}
		f.wantState("service", store.Running, 0)
	})
}

// TestWaitListeners: it waits for no guest that only waits for connections, once it has for a while.
func TestWaitListeners(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("job")
		f.submit("listener", func(s *api.Spec) { s.Args = []string{"accepts"} })
		f.Start()
		synctest.Wait()
		f.DrainForGood()
		idle := make(chan error, 1)
		go func() { idle <- f.WaitServices(f.Context()) }()
		time.Sleep(time.Minute)
		if len(idle) > 0 {
			t.Fatal("it does not wait for the job")
		}
		a, _, _ := f.Look("job")
		a.Wake()
		if err := <-idle; err != nil {
			t.Error(err)
		}
		f.wantState("listener", store.Running, 0)
	})
}

// TestUnwindHangs: it gives up when none has ended for a while, and says how many are left; WaitIdle ends with its
// context.
func TestUnwindHangs(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("w")
		f.Start()
		synctest.Wait()
		f.DrainForGood()
		f.disk.hold() // its end is not recorded
		begin := time.Now()
		err := f.Unwind(f.Context(), time.Minute)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) != time.Minute {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		ctx, cancel := context.WithTimeout(f.Context(), time.Second)
		defer cancel()
		if err := f.WaitIdle(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("WaitIdle: %v", err)
		}
		f.disk.release()
	})
}

// TestUnrecordedEnd: of what has ended while the store can't be written to, Look says so until it can.
func TestUnrecordedEnd(t *testing.T) {
	for _, tc := range []struct {
		outage error
		want   retry.Trouble
	}{
		{store.ErrFull, retry.Space},
		{store.ErrUnavailable, retry.Disk},
	} {
		t.Run(tc.outage.Error(), func(t *testing.T) {
			in(t, parks, func(f *fixture) {
				f.submit("w")
				f.Start()
				synctest.Wait()
				f.outage = tc.outage
				if _, delay, _ := f.Look("w"); delay != nil {
					t.Errorf("while it runs: %+v", delay)
				}
				f.disk.hold()
				f.Cancel("w")
				synctest.Wait()
				_, delay, live := f.Look("w")
				if !live || delay == nil || delay.Reason != api.DelayReason(tc.want) || !strings.Contains(delay.Message, tc.outage.Error()) {
					t.Errorf("when it has ended: %+v (live: %t)", delay, live)
				}
				f.outage = nil
				if _, delay, _ := f.Look("w"); delay != nil {
					t.Errorf("when the store can be written to again: %+v", delay)
				}
				f.disk.release()
				synctest.Wait()
				f.wantState("w", store.Cancelled, api.ReasonCancelled)
			})
		})
	}
}
