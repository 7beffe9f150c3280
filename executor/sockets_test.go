//go:build unix

package executor

import (
	"sync/atomic"
	"testing"

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
func sockets(t *testing.T) (a, b int) {
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
