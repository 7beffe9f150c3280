package attack

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/examples"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// costlyCalls are the exports of calls.wat: a guest that spins, and such that make one costly host call after
// the other.
var costlyCalls = []string{"spin", "environment", "random", "writes", "faults", "polls"}

func costlySpec(t *testing.T, d *testkit.Daemon, export string) *reactorv1.WorkloadSpec {
	t.Helper()
	binary, err := os.ReadFile("../testdata/wat/calls.wasm")
	if err != nil {
		t.Fatal(err)
	}
	spec := &reactorv1.WorkloadSpec{
		Module: d.Push(t, binary), Invoke: export,
		Limits: &reactorv1.Limits{PendingOps: 1 << 16},
	}
	if export == "environment" {
		spec.Env = map[string]string{}
		for i := range 4096 {
			spec.Env[fmt.Sprintf("k%04d", i)] = strings.Repeat("y", 240)
		}
	}
	return spec
}

// TestCallsBurnFuel: a fuel limit ends a guest whatever it makes the host do, and meanwhile the guest has
// given its worker up about as often as one that spins.
func TestCallsBurnFuel(t *testing.T) {
	const fuel, quantum = 100_000_000, 500_000
	d := testkit.Start(t, t.TempDir())
	for _, export := range costlyCalls {
		t.Run(export, func(t *testing.T) {
			spec := costlySpec(t, d, export)
			spec.Limits.Fuel = fuel
			before := d.Stats(t).GetResumes()
			s := d.Run(t, spec)
			if s.GetReason() != reactorv1.EndReason_END_REASON_OUT_OF_FUEL {
				t.Fatalf("the guest ended with %v", s)
			}
			if turns := d.Stats(t).GetResumes() - before; turns < fuel/quantum/3 {
				t.Errorf("it burnt %d units in %d turns", s.GetUsage().GetFuel(), turns)
			}
		})
	}
}

// TestSleepersBesideCalls: beside four guests that make the host work, sleepers wake up in time, and fuel
// goes with the time that it takes.
func TestSleepersBesideCalls(t *testing.T) {
	long(t)
	for _, export := range costlyCalls {
		t.Run(export, func(t *testing.T) {
			d := testkit.Start(t, t.TempDir())
			sleeper := d.Push(t, examples.Sleeper)
			hogs := d.SubmitMany(t, costlySpec(t, d, export), 4)
			for _, id := range d.SubmitMany(t, &reactorv1.WorkloadSpec{Module: sleeper, Args: []string{"600", "5"}}, 10) {
				d.WaitFor(t, id)
			}
			s := d.Stats(t)
			rate := float64(s.GetFuel()) / float64(s.GetBusyTime().AsDuration().Microseconds())
			p99, most := s.GetWakeLatenessP99().AsDuration(), s.GetWakeLatenessMax().AsDuration()
			t.Logf("late: p99 %v, max %v; %.0f units for each microsecond", p99, most, rate)
			if p99 > 2*time.Millisecond {
				t.Errorf("sleepers are late: p99 %v", p99)
			}
			d.Cancel(t, hogs...)
		})
	}
}
