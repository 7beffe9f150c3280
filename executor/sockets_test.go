//go:build unix

package executor

import (
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/driver"
)

// TestSocketsBesideBusyTasks: a task that waits for a socket is woken although the workers always have something to do,
// tasks that compute or tasks that wake each other.
func TestSocketsBesideBusyTasks(t *testing.T) {
	for _, tt := range []struct {
		name  string
		tasks int
		wake  bool // each wakes the next and parks; otherwise they compute
	}{
		{"computing", 4, false},
		{"woken", 4, true},
		{"more woken than are let by", 4 * pollBelow, true},
		{"none", 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := open(t, Config{Workers: 2})
			var over atomic.Bool
			defer over.Store(true)
			ring := make([]atomic.Pointer[Task], tt.tasks)
			for i := range ring {
				ring[i].Store(spawn(t, e, TaskSpec{Run: func(f *Fiber) {
					for !over.Load() {
						if next := ring[(i+1)%len(ring)].Load(); tt.wake && next != nil {
							next.Wake()
							_ = f.Park()
						} else {
							_ = f.Preempt()
						}
					}
					if next := ring[(i+1)%len(ring)].Load(); next != nil {
						next.Wake()
					}
				}}))
			}
			reader, writer := sockets(t)
			source, err := e.Driver().Register(reader)
			if err != nil {
				t.Fatal(err)
			}
			defer source.Close()
			const rounds = 100
			waiting, done := make(chan bool, 1), make(chan bool)
			spawn(t, e, TaskSpec{Run: func(f *Fiber) {
				defer close(done)
				for left := rounds; left > 0; {
					seen := source.Readiness()
					var buf [1]byte
					if n, _ := unix.Read(reader, buf[:]); n == 1 {
						left--
						continue
					}
					source.Exhausted(driver.Readable, seen)
					stop := source.Await(driver.Readable, f.Task().Wake)
					select {
					case waiting <- true:
					default:
					}
					_ = f.Park()
					stop()
				}
			}})
			for range rounds {
				<-waiting
				if _, err := unix.Write(writer, []byte("x")); err != nil {
					t.Fatal(err)
				}
			}
			<-done
		})
	}
}

// sockets returns the two ends of a connection, in non-blocking mode.
func sockets(t testing.TB) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range ends {
		t.Cleanup(func() { _ = unix.Close(fd) })
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
	}
	return ends[0], ends[1]
}

// BenchmarkSocketWake measures the time from a write to a socket until the task runs that waits for it, while other tasks
// keep all processors.
func BenchmarkSocketWake(b *testing.B) {
	e := openBench(b, Config{})
	var over atomic.Bool
	b.Cleanup(func() { over.Store(true) })
	for range 4 {
		if _, err := e.Spawn(TaskSpec{Run: func(f *Fiber) {
			for !over.Load() && f.Preempt() == nil {
				for start := time.Now(); time.Since(start) < 200*time.Microsecond; {
				}
			}
		}}); err != nil {
			b.Fatal(err)
		}
	}
	reader, writer := sockets(b)
	source, err := e.Driver().Register(reader)
	if err != nil {
		b.Fatal(err)
	}
	defer source.Close()
	for e.Stats().Preemptions < 100 { // until all processors are kept
		runtime.Gosched()
	}
	woken := make(chan time.Time, 1)
	var late []time.Duration
	var buf [1]byte
	for b.Loop() {
		<-time.After(time.Millisecond)
		source.Exhausted(driver.Readable, source.Readiness())
		task, err := e.Spawn(TaskSpec{Run: func(f *Fiber) {
			defer source.Await(driver.Readable, f.Task().Wake)()
			_ = f.Park()
			woken <- time.Now()
		}})
		if err != nil {
			b.Fatal(err)
		}
		for task.Phase() != Parked {
			runtime.Gosched()
		}
		began := time.Now()
		if _, err := unix.Write(writer, buf[:]); err != nil {
			b.Fatal(err)
		}
		late = append(late, (<-woken).Sub(began))
		_, _ = unix.Read(reader, buf[:])
	}
	slices.Sort(late)
	b.ReportMetric(late[len(late)/2].Seconds()*1e3, "p50-ms")
	b.ReportMetric(late[len(late)*99/100].Seconds()*1e3, "p99-ms")
}
