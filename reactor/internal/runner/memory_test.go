package runner

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

const mib = 1 << 20

// grower is guests that grow to what they are told, one step for each wake, and end when there is nothing more.
type grower struct {
	steps map[string][]int64 // by workload
	holds map[string]int64
}

func (g *grower) run(f *executor.Fiber, cfg *abi.Config) error {
	cfg.OnStart()
	for _, bytes := range g.steps[cfg.Owner] {
		if err := f.Park(); err != nil {
			return err
		}
		wait, err := cfg.Memory.Ask(bytes)
		for err == nil && wait {
			err = f.Park()
			wait = cfg.Memory.Waits()
		}
		if err != nil {
			return err
		}
		g.holds[cfg.Owner] = bytes
	}
	return f.Park()
}

// grows runs a test of two guests on a node of 10 MiB, of which one was started before the other.
func grows(t *testing.T, elder, younger []int64, test func(f *fixture, g *grower)) {
	t.Helper()
	g := &grower{steps: map[string][]int64{"elder": elder, "younger": younger}, holds: map[string]int64{}}
	bounds := ample
	bounds.Memory, bounds.Patience = 10*mib, time.Second
	inBounds(t, bounds, g.run, func(f *fixture) {
		f.Start()
		for _, id := range []string{"elder", "younger"} {
			f.submit(id, func(spec *api.Spec) { spec.Limits.MemoryBytes = 100 * mib })
			synctest.Wait()
		}
		test(f, g)
	})
}

// wake wakes a guest, and waits for what comes of it.
func (f *fixture) wake(id string) {
	f.Helper()
	synctest.Wait()
	a, _, _ := f.Look(id)
	if a == nil {
		f.Fatalf("%s does not run", id)
	}
	a.Wake()
	synctest.Wait()
}

// wantSentBack checks that a workload waits to be started again when there is memory.
func (f *fixture) wantSentBack(id string) {
	f.Helper()
	f.wantState(id, store.Pending, 0)
	a, delay, _ := f.Look(id)
	if a != nil || delay == nil || delay.Reason != api.DelayReason(retry.NodeMemory) {
		f.Errorf("%s was not sent back: %+v", id, delay)
	}
}

// TestYoungerGoesBack: a guest for which there is not enough has a younger one go back, and goes on when that has
// given its memory up. The younger one is started again when the elder has ended.
func TestYoungerGoesBack(t *testing.T) {
	grows(t, []int64{7 * mib}, []int64{6 * mib}, func(f *fixture, g *grower) {
		f.wake("younger")
		f.wake("elder")
		f.wantSentBack("younger")
		if g.holds["elder"] != 7*mib {
			t.Errorf("the elder holds %d", g.holds["elder"])
		}
		f.wake("elder")
		f.wantState("elder", store.Succeeded, api.ReasonExit)
		synctest.Wait()
		if a, _, _ := f.Look("younger"); a == nil || a.Number != 2 {
			t.Errorf("the younger is not started again: %+v", a)
		}
	})
}

// TestYoungestGoesBackItself if it is the one that asks.
func TestYoungestGoesBackItself(t *testing.T) {
	grows(t, []int64{7 * mib}, []int64{6 * mib}, func(f *fixture, _ *grower) {
		f.wake("elder")
		f.wake("younger")
		f.wantSentBack("younger")
		f.wantState("elder", store.Running, 0)
	})
}

// TestMoreThanTheNode ends a guest, and sends nobody back.
func TestMoreThanTheNode(t *testing.T) {
	grows(t, []int64{11 * mib}, []int64{6 * mib}, func(f *fixture, _ *grower) {
		f.wake("younger")
		f.wake("elder")
		f.wantState("elder", store.Failed, api.ReasonNodeMemory)
		f.wantState("younger", store.Running, 0)
	})
}
