package attack

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

// guestOf reads a guest of testdata/wat.
func guestOf(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile("../testdata/wat/" + name + ".wasm")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// trialTime is more than all trials after a third death take, 32 of 10 s and as long before the first.
const trialTime = 6 * time.Minute

// untilStarted waits until a workload has been started, and returns its status; or, if it ends.
func untilStarted(t *testing.T, d *testkit.Daemon, id string) *reactorv1.WorkloadStatus {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), trialTime)
	defer cancel()
	for {
		s := d.Status(t, id)
		if s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_PENDING {
			return s
		}
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ctx.Done():
			t.Fatalf("%s is not started: %v", id, s)
		}
	}
}

// killedBy has a daemon killed each time that the poison has been started, until the poison is set
// apart, and returns how often that was, and the daemon that is left.
func killedBy(t *testing.T, dir string, d *testkit.Daemon, poison string, most int) (int, *testkit.Daemon) {
	t.Helper()
	for deaths := 0; ; deaths++ {
		s := untilStarted(t, d, poison)
		if s.GetReason() == reactorv1.EndReason_END_REASON_DAEMON_DIED {
			return deaths, d
		}
		if s.GetState() >= reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED || deaths == most {
			t.Fatalf("after %d deaths: %v", deaths, s)
		}
		<-time.After(50 * time.Millisecond)
		d.Kill()
		d = testkit.Start(t, dir)
	}
}

// TestPoison: a workload that brings the daemon down each time is set apart after three deaths, and its
// neighbours go on.
func TestPoison(t *testing.T) {
	long(t)
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	parked := &reactorv1.WorkloadSpec{Module: d.Push(t, guestOf(t, "parked"))}
	neighbours := d.SubmitMany(t, parked, 20)
	untilStarted(t, d, neighbours[19])
	poison := d.Submit(t, parked)
	deaths, d := killedBy(t, dir, d, poison, 3)
	t.Logf("set apart after %d deaths", deaths)
	for _, id := range neighbours {
		if s := untilStarted(t, d, id); s.GetState() >= reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("neighbour %s: %v", id, s)
		}
	}
}

// TestPoisonAmongMany: the same in the midst of a thousand that were started with it.
func TestPoisonAmongMany(t *testing.T) {
	long(t)
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	parked := &reactorv1.WorkloadSpec{Module: d.Push(t, guestOf(t, "parked"))}
	ids := d.SubmitMany(t, parked, 1001)
	poison := ids[500]
	deaths, d := killedBy(t, dir, d, poison, 6)
	t.Logf("set apart after %d deaths", deaths)
	for _, id := range ids {
		if s := untilStarted(t, d, id); id != poison && s.GetState() >= reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("neighbour %s: %v", id, s)
		}
	}
}

// TestPowerCuts: what was running in three power cuts within seconds goes on after them.
func TestPowerCuts(t *testing.T) {
	long(t)
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	parked := &reactorv1.WorkloadSpec{Module: d.Push(t, guestOf(t, "parked"))}
	ids := d.SubmitMany(t, parked, 500)
	for range 3 {
		untilStarted(t, d, ids[0])
		d.Kill()
		d = testkit.Start(t, dir)
	}
	for _, id := range ids[:3] {
		if s := untilStarted(t, d, id); s.GetState() >= reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("%s: %v", id, s)
		}
	}
	for _, id := range ids {
		if s := d.Status(t, id); s.GetState() >= reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("%s: %v", id, s)
		}
	}
}

// TestIdleDeaths: kills of an idle daemon keep nothing waiting that runs later.
func TestIdleDeaths(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	module := d.Push(t, guestOf(t, "parked"))
	for range 8 {
		d.Kill()
		d = testkit.Start(t, dir)
	}
	victim := d.Submit(t, &reactorv1.WorkloadSpec{Module: module})
	untilStarted(t, d, victim)
	d.Kill()
	d = testkit.Start(t, dir)
	s := d.Status(t, victim)
	if until := s.GetDelay().GetUntil(); until != nil && time.Until(until.AsTime()) > time.Second {
		t.Errorf("the only suspect waits: %v", s)
	}
	if s.GetDelay() != nil && s.GetDelay().GetFailures() > 1 {
		t.Errorf("deaths without a suspect count: %v", s)
	}
	untilStarted(t, d, victim)
}
