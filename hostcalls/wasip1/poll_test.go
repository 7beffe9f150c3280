package wasip1

import (
	"bytes"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/network/networktest"
)

// Where the poll tests put things.
const (
	pollIn     = 24576
	pollOut    = 8192
	pollResult = 16384
)

type pollEvent struct {
	userdata uint64
	err      errno
	kind     eventtype
	nbytes   uint64
	hangup   bool
}

// poll polls and returns the events.
func (c *caller) poll(subs ...[]byte) []pollEvent {
	c.t.Helper()
	copy(c.mem.bytes[pollIn:], bytes.Join(subs, nil))
	c.want(errnoSuccess, "poll_oneoff", pollIn, pollOut, uint64(len(subs)), pollResult)
	var events []pollEvent
	for i := range c.u32(pollResult) {
		b := c.mem.bytes[pollOut+i*sizeEvent:]
		events = append(events, pollEvent{
			le.Uint64(b), errno(le.Uint16(b[8:])), eventtype(b[10]), le.Uint64(b[16:]), b[24] == 1,
		})
	}
	return events
}

func sameEvents(a, b []pollEvent) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestPollRefuses(t *testing.T) {
	withProcess(t, abi.Config{PendingOps: 100}, func(c *caller) {
		c.want(errnoInval, "poll_oneoff", 0, 0, 0, 0)
		c.want(errnoInval, "poll_oneoff", 0, 0, 101, 0)
		c.want(errnoInval, "poll_oneoff", 0, 0, 1_000_000, 0)
		c.want(errnoInval, "poll_oneoff", 0, 0, 1<<32-1, 0)
		c.want(errnoFault, "poll_oneoff", end-47, 0, 1, 0)
		c.want(errnoFault, "poll_oneoff", 0, end-31, 1, 0)
		c.want(errnoFault, "poll_oneoff", 0, 0, 1, end-3)
		c.want(errnoFault, "poll_oneoff", end-4799, 0, 100, 0)
		c.want(errnoFault, "poll_oneoff", 0, end-3199, 100, 0)
	})
}

func TestPollClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		tests := []struct {
			name string
			sub  []byte
			wait time.Duration
			err  errno
		}{
			{"relative", clockSubscription(7, clockMonotonic, uint64(time.Second), 0), time.Second, 0},
			{"relative, realtime", clockSubscription(7, clockRealtime, uint64(time.Second), 0), time.Second, 0},
			{"none", clockSubscription(7, clockMonotonic, 0, 0), 0, 0},
			{"absolute", clockSubscription(7, clockRealtime, uint64(begin.Add(time.Hour).UnixNano()), 1), time.Hour - 2*time.Second, 0},
			{"absolute, monotonic", clockSubscription(7, clockMonotonic, uint64(2*time.Hour)+1, 1), time.Hour, 0},
			{"absolute, past", clockSubscription(7, clockMonotonic, 1, 1), 0, 0},
			{"CPU time", clockSubscription(7, clockThreadCPU, 1, 0), 0, errnoNotsup},
			{"no such clock", clockSubscription(7, 99, 1, 0), 0, errnoInval},
		}
		withProcess(t, abi.Config{}, func(c *caller) {
			for _, tt := range tests {
				before := time.Now()
				events := c.poll(tt.sub)
				if want := []pollEvent{{7, tt.err, eventClock, 0, false}}; !sameEvents(events, want) {
					t.Errorf("%s: events %v, want %v", tt.name, events, want)
				}
				if d := time.Since(before); d != tt.wait {
					t.Errorf("%s: waited %v, want %v", tt.name, d, tt.wait)
				}
			}
		})
	})
}

func TestPollTellsOpsOfASleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var process *Process
		wait, task := startProcess(t, abi.Config{}, func(c *caller) {
			process = c.Process
			c.poll(clockSubscription(1, clockMonotonic, uint64(time.Hour), 0))
			t.Error("the poll returned")
		})
		synctest.Wait()
		wantOp(t, process, hostcalls.Op{Kind: hostcalls.OpTimer, Deadline: time.Now().Add(time.Hour)}, 0)
		task.Cancel(errStop)
		if err := wait(); err == nil || err.Error() != errStop.Error() {
			t.Errorf("the guest ended with %v, want the cause", err)
		}
	})
}

// TestPollMix polls clocks and streams together: the first that is over ends the wait, and all that are over then are
// reported, in order.
func TestPollMix(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in, out := hostcalls.NewPipe(512), hostcalls.NewPipe(512)
		write(t, out, string(make([]byte, 512)))
		read := fdSubscription(1, eventFdRead, 0)
		room := fdSubscription(2, eventFdWrite, 1)
		never := clockSubscription(9, clockMonotonic, uint64(time.Hour), 0)
		wait, _ := startProcess(t, abi.Config{Stdin: in.Reader(), Stdout: out.Writer()}, func(c *caller) {
			begin := time.Now()
			check := func(name string, after time.Duration, events []pollEvent, want ...pollEvent) {
				t.Helper()
				if !sameEvents(events, want) {
					t.Errorf("%s: events %v, want %v", name, events, want)
				}
				if d := time.Since(begin); d != after {
					t.Errorf("%s: over after %v, want %v", name, d, after)
				}
			}
			const second = time.Second
			check("a clock first", second,
				c.poll(read, clockSubscription(3, clockMonotonic, uint64(second), 0), room, never),
				pollEvent{3, 0, eventClock, 0, false})
			check("nothing ready, no time", second,
				c.poll(read, clockSubscription(3, clockMonotonic, 0, 0), room),
				pollEvent{3, 0, eventClock, 0, false})
			// After two seconds there are three bytes of input.
			check("input first", 2*second, c.poll(never, read, room),
				pollEvent{1, 0, eventFdRead, 3, false})
			check("input is still there", 2*second, c.poll(read, clockSubscription(3, clockMonotonic, 0, 0)),
				pollEvent{1, 0, eventFdRead, 3, false}, pollEvent{3, 0, eventClock, 0, false})
			// After three seconds the reader has made room.
			check("errors hide nothing", 2*second,
				c.poll(fdSubscription(4, eventFdRead, 77), read, room, fdSubscription(5, eventFdWrite, 0)),
				pollEvent{4, errnoBadf, eventFdRead, 0, false}, pollEvent{1, 0, eventFdRead, 3, false},
				pollEvent{5, errnoBadf, eventFdWrite, 0, false})
			check("room first", 3*second, c.poll(room, never),
				pollEvent{2, 0, eventFdWrite, 100, false})
			check("the same twice", 3*second, c.poll(room, room),
				pollEvent{2, 0, eventFdWrite, 100, false}, pollEvent{2, 0, eventFdWrite, 100, false})
			// After four seconds the writer has gone.
			c.iovec(0, 100, 3)
			c.want(errnoSuccess, "fd_read", 0, 0, 1, 16)
			check("the end of input", 4*second, c.poll(read, never),
				pollEvent{1, 0, eventFdRead, 0, true})
		})
		time.AfterFunc(2*time.Second, func() { write(t, in, "abc") })
		time.AfterFunc(3*time.Second, func() {
			if _, err := out.Reader().Read(make([]byte, 100)); err != nil {
				t.Error(err)
			}
		})
		time.AfterFunc(4*time.Second, in.CloseWrite)
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

// silent is a Source that never has anything, and counts who waits for it.
type silent struct{ armed atomic.Int32 }

func (s *silent) Read([]byte) (int, error) { return 0, hostcalls.ErrWouldBlock }

func (s *silent) Notify(func()) (stop func()) {
	s.armed.Add(1)
	return func() { s.armed.Add(-1) }
}

// TestPollMany polls as many subscriptions as allowed, all for the same descriptor, which share one wait. The poll leaves
// no callbacks behind.
func TestPollMany(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := new(silent)
		var process *Process
		wait, task := startProcess(t, abi.Config{Stdin: in, PendingOps: 150}, func(c *caller) {
			process = c.Process
			var subs [][]byte
			for i := range 150 {
				subs = append(subs, fdSubscription(uint64(i), eventFdRead, 0))
			}
			c.poll(subs...)
			t.Error("the poll returned")
		})
		synctest.Wait()
		if n := len(process.AppendOps(nil)); n != 1 || in.armed.Load() != 1 {
			t.Errorf("%d ops and %d callbacks, want 1", n, in.armed.Load())
		}
		task.Cancel(errStop)
		if err := wait(); err == nil || !errors.Is(task.Err(), errStop) {
			t.Errorf("the guest ended with %v", err)
		}
		if n := in.armed.Load(); n != 0 {
			t.Errorf("%d callbacks are left", n)
		}
	})
}

// Subscriptions that share a wait each have their event.
func TestPollSharedWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		pipe := hostcalls.NewPipe(0)
		wait, _ := startProcess(t, abi.Config{Stdin: pipe.Reader()}, func(c *caller) {
			events := c.poll(fdSubscription(1, eventFdRead, 0), fdSubscription(2, eventFdRead, 0))
			want := []pollEvent{{userdata: 1, kind: eventFdRead, nbytes: 3}, {userdata: 2, kind: eventFdRead, nbytes: 3}}
			if !sameEvents(events, want) {
				t.Errorf("events %+v, want %+v", events, want)
			}
		})
		synctest.Wait()
		if n, err := pipe.Writer().Write([]byte("abc")); n != 3 || err != nil {
			t.Fatal(n, err)
		}
		if err := wait(); err != nil {
			t.Error(err)
		}
	})
}

func TestPollClockDoesNotAllocate(t *testing.T) {
	withProcess(t, abi.Config{}, func(c *caller) {
		copy(c.mem.bytes[pollIn:], clockSubscription(7, clockMonotonic, 1000, 0))
		f, params := c.table["poll_oneoff"], args{pollIn, pollOut, 1, pollResult}
		mem := memory{c.mem}
		if n := testing.AllocsPerRun(100, func() { f.call(c.Process, mem, params) }); n >= 1 {
			t.Errorf("a sleep allocates %v times", n)
		}
	})
}

// TestPollListener: a listener is ready for connections, and never to be written to.
func TestPollListener(t *testing.T) {
	withNetwork(t, func(c *caller, _ *networktest.Stack) {
		l := c.openSocket(afInet4, sockStream)
		record, port := c.address(ownAt, sizeInet4)
		c.want(errnoSuccess, "sock_bind", l, record, port)
		c.want(errnoSuccess, "sock_listen", l, 5)
		both := [][]byte{fdSubscription(1, eventFdWrite, uint32(l)), fdSubscription(2, eventFdRead, uint32(l))}
		second := clockSubscription(3, clockMonotonic, uint64(time.Second), 0)
		for range 2 {
			if events, want := c.poll(append(both, second)...), []pollEvent{{userdata: 3, kind: eventClock}}; !sameEvents(events, want) {
				t.Errorf("without a connection: events %v, want %v", events, want)
			}
		}
		client := c.openSocket(afInet4, sockStream)
		c.connect(errnoSuccess, client, ownAt)
		if events, want := c.poll(both...), []pollEvent{{userdata: 2, kind: eventFdRead, nbytes: 1}}; !sameEvents(events, want) {
			t.Errorf("with a connection: events %v, want %v", events, want)
		}
		c.want(errnoSuccess, "epoll_oneoff", pollIn, pollOut, 2, pollResult)
		if n := c.u32(pollResult); n != 1 {
			t.Errorf("epoll_oneoff tells %d events", n)
		}
	})
}
