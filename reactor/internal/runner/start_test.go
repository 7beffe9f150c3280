package runner

import (
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// whileStarting runs a test while the dispatcher is about to start a workload and reads its record, which has come when
// read is called.
func whileStarting(t *testing.T, test func(f *fixture, read func())) {
	t.Helper()
	in(t, parks, func(f *fixture) {
		core, logs := observer.New(zap.WarnLevel)
		f.cfg.Log = zap.New(core)
		come := make(chan struct{})
		f.disk.onRead = func() { <-come }
		f.submit("w", func(s *api.Spec) { s.Stdin = make([]byte, record.KeepSpecBytes) })
		f.Start()
		synctest.Wait()
		test(f, func() {
			close(come)
			synctest.Wait()
		})
		for _, entry := range logs.All() {
			t.Errorf("logged: %s %v", entry.Message, entry.ContextMap())
		}
	})
}

// TestCancelWhileStarting: a workload that is cancelled while the dispatcher reads its record is forgotten, and the
// dispatcher comes to see that.
func TestCancelWhileStarting(t *testing.T) {
	whileStarting(t, func(f *fixture, read func()) {
		f.Cancel("w")
		synctest.Wait()
		if f.Changed("w") != nil {
			t.Error("it has not ended")
		}
		read()
		f.disk.onRead = nil
		f.wantState("w", store.Cancelled, api.ReasonCancelled)
		<-f.submit("next")
	})
}

// TestDrainWhileStarting: nothing starts once the node drains, not even a workload whose turn came before.
func TestDrainWhileStarting(t *testing.T) {
	whileStarting(t, func(f *fixture, read func()) {
		if live := f.Drain(true); live != 0 {
			t.Errorf("%d are live", live)
		}
		read()
		if a, _, live := f.Look("w"); a != nil || !live {
			t.Errorf("it has attempt %p, live: %t", a, live)
		}
		f.disk.onRead = nil
		f.Drain(false)
		synctest.Wait()
		if a, _, _ := f.Look("w"); a == nil {
			t.Error("it was not started when the node drained no more")
		}
	})
}

// TestShutdownWhileStarting: what a shutdown finds idle stays idle.
func TestShutdownWhileStarting(t *testing.T) {
	whileStarting(t, func(f *fixture, read func()) {
		f.DrainForGood()
		if err := f.Unwind(f.Context(), time.Minute); err != nil {
			t.Fatal(err)
		}
		read()
		f.disk.onRead = nil
		f.wantState("w", store.Pending, 0)
		if len(f.disk.history) != 0 {
			t.Errorf("recorded %q", f.disk.history)
		}
	})
}

// burner is the meter of a guest that burns what it may until it asks for more.
type burner struct{ burnt int64 }

func (b *burner) Refill(int64) { b.burnt = 0 }
func (b *burner) Burnt() int64 { return b.burnt }

// TestFuelIsEachAttempts: a workload that has to start again because the host failed it has as much fuel as before, and
// what it used in all its attempts adds up.
func TestFuelIsEachAttempts(t *testing.T) {
	const limit, need = 100, 80
	tries := 0
	burn := func(f *executor.Fiber, cfg *abi.Config) error {
		m := &burner{}
		f.SetMeter(m)
		m.burnt = need
		if err := f.Preempt(); err != nil {
			return err
		}
		if tries++; tries < 3 {
			return syscall.ENOMEM
		}
		cfg.OnStart()
		return nil
	}
	in(t, burn, func(f *fixture) {
		f.submit("w", func(s *api.Spec) { s.Limits.Fuel = limit })
		f.Start()
		time.Sleep(3 * retry.MaxDelay)
		synctest.Wait()
		f.wantState("w", store.Succeeded, api.ReasonExit)
		if _, status := f.status("w"); status.Usage.Fuel != 3*need {
			t.Errorf("it used %d in all, want %d", status.Usage.Fuel, 3*need)
		}
	})
}
