package executor

import (
	"slices"
	"testing"
	"testing/synctest"
)

func TestWaitHooks(t *testing.T) {
	in(t, Config{Workers: 1}, func(t *testing.T, e *Executor) {
		var got []string
		note := func(what string) { got = append(got, what) }
		task := spawn(t, e, TaskSpec{
			Waits: &WaitHooks{
				OnPark:   func(task *Task) { note("park " + task.Phase().String()) },
				OnResume: func(task *Task) { note("resume " + task.Phase().String()) },
			},
			Run: func(f *Fiber) {
				note("run")
				f.Task().Wake()
				note("no wait")
				if err := f.Park(); err != nil { // woken before: returns at once
					t.Error(err)
				}
				note("first wait")
				if err := f.Park(); err != nil {
					t.Error(err)
				}
				if err := f.Preempt(); err != nil {
					t.Error(err)
				}
				note("last wait")
				if err := f.Park(); err != errTest {
					t.Errorf("Park returned %v, want the cause of the cancel", err)
				}
				if err := f.Park(); err != errTest { // cancelled before: returns at once
					t.Errorf("Park returned %v, want the cause of the cancel", err)
				}
			},
		})
		synctest.Wait()
		task.Wake()
		synctest.Wait()
		task.Cancel(errTest)
		synctest.Wait()
		want := []string{
			"run", "no wait",
			"first wait", "park running", "resume running",
			"last wait", "park running", "resume running",
		}
		if !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
	})
}
