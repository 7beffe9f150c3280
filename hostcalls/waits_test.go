package hostcalls

import (
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor"
	"github.com/reactord/reactord/executor/driver"
)

// fired is a signal that knows whether it has fired.
type fired struct {
	signal
	yes atomic.Bool
}

func (f *fired) Notify(ready func()) (stop func()) {
	return f.signal.Notify(func() { f.yes.Store(true); ready() })
}

func (f *fired) Fired() bool { return f.yes.Load() }

// TestWaitsAddUp: what a call has waited for adds up to the time that its task waited, and counts for the operation that
// ended each wait.
func TestWaitsAddUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var guest *running
		read, accept := new(fired), new(fired)
		both := func(g *running, due time.Time) {
			err := g.Await(due, Wait{Op: Op{Kind: OpRead}, On: read}, Wait{Op: Op{Kind: OpAccept}, On: accept})
			if err != nil {
				t.Error(err)
			}
		}
		wait, task := start(t, func(g *running) {
			guest = g
			_ = g.Sleep(time.Now().Add(time.Second))
			_ = g.Sleep(time.Now().Add(time.Second))
			for _, s := range []*fired{accept, read} {
				g.Driver().Go(driver.Job{Run: func() { time.Sleep(time.Minute); s.tell() }})
				both(g, time.Time{})
				*s = fired{}
			}
			both(g, time.Now().Add(time.Hour)) // the timer ends it
			_ = g.Blocking(Op{Kind: OpFile}, driver.Lane{}, func() { time.Sleep(time.Millisecond) }, nil)
			_ = g.Sleep(time.Now()) // which does not wait
			g.Fiber().Task().Wake()
			_ = g.Await(time.Now().Add(time.Hour), Wait{Op: Op{Kind: OpWrite}, On: new(signal)}) // nor does this
			g.Begin(new("sock_accept"))
			_ = g.Await(time.Time{}, Wait{Op: Op{Kind: OpAccept}, On: accept})
			g.Begin(new("proc_exit"))
		})
		time.Sleep(2*time.Second + 2*time.Minute + time.Hour + 2*time.Millisecond)
		synctest.Wait()
		want := []WaitUsage{
			{OpTimer, time.Hour + 2*time.Second, 3}, {OpAccept, time.Minute, 1}, {OpRead, time.Minute, 1}, {OpFile, time.Millisecond, 1},
		}
		past, current := guest.Waits()
		if diff := cmp.Diff(want, past); diff != "" || current != OpAccept {
			t.Errorf("it waits for %v; before (-want +got):\n%s", current, diff)
		}
		if got := guest.LastCall(); got != "sock_accept" {
			t.Errorf("it waits in %q", got)
		}
		sum := task.Usage().Wait
		for _, w := range past {
			sum += w.Time
		}
		if got := task.Usage().Waiting; got != sum {
			t.Errorf("its task has waited for %v, and the call for %v", got, sum)
		}
		accept.tell()
		wait()
		if past, current = guest.Waits(); current != 0 || past[1].Count != 2 || guest.LastCall() != "" {
			t.Errorf("at the end it waits for %v in %q: %v", current, guest.LastCall(), past)
		}
	})
}

// A wait for nothing has no operation, and the host call in which it waits is known.
func TestWaitForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var guest *running
		wait, task := start(t, func(g *running) {
			guest = g
			g.Begin(new("poll_oneoff"))
			_ = g.Await(time.Time{})
		})
		synctest.Wait()
		if task.Phase() != executor.Parked || len(guest.AppendOps(nil)) > 0 || guest.LastCall() != "poll_oneoff" {
			t.Errorf("%v in %q, waiting for %v", task.Phase(), guest.LastCall(), guest.AppendOps(nil))
		}
		task.Wake()
		wait()
	})
}
