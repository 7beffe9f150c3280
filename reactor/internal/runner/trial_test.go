package runner

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/reactor/api"
	"github.com/reactord/reactord/reactor/internal/attempt"
	"github.com/reactord/reactord/reactor/internal/record"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/store"
)

// running tells which of these run.
func (f *fixture) running(ids ...string) (running string) {
	synctest.Wait()
	for _, id := range ids {
		if a, _, _ := f.Look(id); a != nil {
			running += id
		}
	}
	return running
}

// TestSuspectsAreTried: a suspect is started when it is tried and not before; while the gate is shut, nothing else is.
func TestSuspectsAreTried(t *testing.T) {
	in(t, parks, func(f *fixture) {
		want := func(when, want string) {
			t.Helper()
			if got := f.running("a", "b", "c", "d"); got != want {
				t.Errorf("%s, %q run, want %q", when, got, want)
			}
		}
		for _, id := range []string{"a", "b", "c", "d"} {
			f.submit(id)
		}
		for _, id := range []string{"a", "b", "unknown"} {
			f.Suspect(id, time.Now().Add(time.Minute), 2)
		}
		f.Suspect("d", time.Time{}, 2)
		_, delay, _ := f.Look("b")
		if delay == nil || delay.Reason != api.DelayReason(retry.Crash) || delay.Failures != 2 || !delay.Until.Equal(time.Now().Add(time.Minute)) {
			t.Errorf("a suspect is delayed by %+v", delay)
		}
		for id, words := range map[string][]string{"b": {"stop the daemon"}, "d": {"others are tried before it", "stop the daemon"}} {
			_, delay, _ := f.Look(id)
			for _, word := range words {
				if !strings.Contains(delay.Message, word) {
					t.Errorf("%s is told %q, without %q", id, delay.Message, word)
				}
			}
			if delay.Until.IsZero() != (id == "d") {
				t.Errorf("%s is tried at %v", id, delay.Until)
			}
		}
		f.ShutGate()
		f.Start()
		time.Sleep(time.Hour)
		want("behind the gate", "")
		f.Try([]string{"a", "unknown"})
		want("when one is tried", "a")
		f.OpenGate()
		want("when the gate is open", "ac")
		f.Cancel("d")
		f.Try([]string{"b", "d"})
		want("when others are tried, of which one was cancelled", "abc")
		f.wantState("d", store.Cancelled, api.ReasonCancelled)
	})
}

// TestCondemned ends before anything starts; what has none of the ids is left alone.
func TestCondemned(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("a")
		f.submit("b")
		f.Condemn("a", "it did it")
		f.Condemn("unknown", "")
		f.Start()
		if got := f.running("a", "b"); got != "b" {
			t.Errorf("%q run", got)
		}
		f.wantState("a", store.Failed, api.ReasonDaemonDied)
		if _, status := f.status("a"); status.Message != "it did it" {
			t.Errorf("message %q", status.Message)
		}
	})
}

// TestShortAfterRestart: the timeout of a workload that an earlier daemon has started counts while it waits for memory.
func TestShortAfterRestart(t *testing.T) {
	bounds := ample
	bounds.Memory, bounds.Patience = 100<<10, time.Second // for one
	inBounds(t, bounds, parks, func(f *fixture) {
		began := time.Now()
		for i, id := range []string{"holder", "late", "in time"} {
			spec := &api.Spec{}
			if i > 0 {
				spec.Limits.Timeout = time.Duration(i) * time.Minute
			}
			rec := f.record(id, spec)
			if i > 0 {
				rec.Attempts, rec.Status = 1, record.EncodeStatus(&record.Status{FirstStart: began, StartTime: began})
			}
			f.disk.records[id] = rec
			f.disk.left = append(f.disk.left, rec)
		}
		if err := f.Recover(t.Context(), func(*store.Place) {}); err != nil {
			t.Fatal(err)
		}
		f.Start()
		time.Sleep(time.Minute - time.Second)
		if got := f.running("holder", "late", "in time"); got != "holder" {
			t.Fatalf("%q run", got)
		}
		f.wantState("late", store.Pending, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		f.wantState("late", store.Failed, api.ReasonDeadline)
		if _, status := f.status("late"); !status.StartTime.Equal(began) {
			t.Errorf("it says that it was started at %v, not %v", status.StartTime, began)
		}
		f.Cancel("holder")
		if got := f.running("in time"); got != "in time" {
			t.Errorf("what is in time does not run")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		f.wantState("in time", store.Failed, api.ReasonDeadline)
		if n := f.Waiting(retry.NodeMemory); n != 0 {
			t.Errorf("%d wait for memory", n)
		}
	})
}

// TestSuspectIsOverdue: the timeout of a suspect counts while it waits for its trial.
func TestSuspectIsOverdue(t *testing.T) {
	in(t, parks, func(f *fixture) {
		f.submit("w")
		f.live["w"].past = &attempt.Past{First: time.Now(), Started: time.Now(), Timeout: time.Minute}
		f.Suspect("w", time.Now().Add(time.Hour), 2)
		f.Start()
		time.Sleep(time.Minute - time.Second)
		synctest.Wait()
		f.wantState("w", store.Pending, 0)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		f.wantState("w", store.Failed, api.ReasonDeadline)
	})
}
