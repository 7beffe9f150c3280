//go:build unix

package driver

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// pollerKinds are the system's poller, and the one that works on all.
var pollerKinds = []struct {
	name string
	make func(*Driver) (poller, error)
}{
	{"system", newPoller},
	{"duplicates", func(d *Driver) (poller, error) { return newDuplicates(d), nil }},
}

// withPoller returns a new Driver with a poller.
func withPoller(t testing.TB, newPoller func(*Driver) (poller, error)) *Driver {
	t.Helper()
	d := New(Config{})
	p, err := newPoller(d)
	if err != nil {
		t.Fatal(err)
	}
	d.sources.poller.Store(&p)
	return d
}

// pollers runs a test with each kind of poller.
func pollers(t *testing.T, test func(t *testing.T, d *Driver)) {
	t.Helper()
	for _, kind := range pollerKinds {
		t.Run(kind.name, func(t *testing.T) {
			d := withPoller(t, kind.make)
			defer closeNow(t, d)
			test(t, d)
		})
	}
}

// pair returns the two ends of a connection, in non-blocking mode.
func pair(t testing.TB) (a, b int) {
	t.Helper()
	ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range ends {
		if err := unix.SetNonblock(fd, true); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Close(fd) })
	}
	return ends[0], ends[1]
}

func register(t testing.TB, d *Driver, fd int) *Source {
	t.Helper()
	s, err := d.Register(fd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// exhaust says that the descriptor is not ready, as a failing try does.
func exhaust(s *Source, dir Direction) { s.Exhausted(dir, s.Readiness()) }

func await(s *Source, dir Direction) (ready chan bool, stop func()) {
	ready = make(chan bool, 1)
	return ready, s.Await(dir, func() { ready <- true })
}

func send(t testing.TB, fd int) {
	t.Helper()
	if n, err := unix.Write(fd, []byte("x")); n != 1 || err != nil {
		t.Fatalf("Write = %d, %v", n, err)
	}
}

func receive(t testing.TB, fd int) {
	t.Helper()
	var buf [1]byte
	if n, err := unix.Read(fd, buf[:]); n != 1 || err != nil {
		t.Fatalf("Read = %d, %v", n, err)
	}
}

func TestSourceReadable(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s := register(t, d, a)
		if ready, _ := await(s, Readable); len(ready) != 1 {
			t.Error("a descriptor that nobody has tried counts as not ready")
		}
		var buf [1]byte
		for range 100 {
			seen := s.Readiness()
			if _, err := unix.Read(a, buf[:]); !errors.Is(err, unix.EAGAIN) {
				t.Fatalf("Read = %v, want EAGAIN", err)
			}
			s.Exhausted(Readable, seen)
			ready, _ := await(s, Readable)
			send(t, b)
			<-ready
			// It remains so until somebody finds it not ready.
			if again, _ := await(s, Readable); len(again) != 1 {
				t.Error("not ready although nobody has said so")
			}
			receive(t, a)
		}
		exhaust(s, Readable)
		ready, _ := await(s, Readable)
		if err := unix.Shutdown(b, unix.SHUT_WR); err != nil {
			t.Fatal(err)
		}
		<-ready // the end of the stream
	})
}

func TestSourceWritable(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s := register(t, d, a)
		full := make([]byte, 1<<16)
		seen := s.Readiness()
		for err := error(nil); err == nil; _, err = unix.Write(a, full) {
			seen = s.Readiness()
		}
		s.Exhausted(Writable, seen)
		for !s.Readiness().Ready(Writable) {
			ready, _ := await(s, Writable)
			for len(ready) == 0 {
				_, _ = unix.Read(b, full)
			}
		}
	})
}

// TestSourceWaitsAreIndependent waits for both directions of one descriptor, twice for one of them, and stops one of
// those.
func TestSourceWaitsAreIndependent(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s := register(t, d, a)
		d.Poll()
		exhaust(s, Readable)
		first, stopFirst := await(s, Readable)
		second, _ := await(s, Readable)
		write, _ := await(s, Writable)
		<-write
		stopFirst()
		stopFirst()
		send(t, b)
		<-second
		if len(first) != 0 {
			t.Error("a stopped wait completed")
		}
	})
}

// TestStopAgainstEvent has stop and events race: once stop has returned, onReady is not called.
func TestStopAgainstEvent(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s := register(t, d, a)
		for range 500 {
			var stopped atomic.Bool
			exhaust(s, Readable)
			stop := s.Await(Readable, func() {
				if stopped.Load() {
					t.Error("onReady called after stop returned")
				}
			})
			send(t, b)
			d.Poll()
			stop()
			stopped.Store(true)
			receive(t, a)
		}
	})
}

// TestEventsAreNotLost has a reader that waits whenever there is nothing, a writer, and others who poll: every byte
// arrives. Half of the reads use up what there is without finding out that there is no more.
func TestEventsAreNotLost(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s, w := register(t, d, a), register(t, d, b)
		const total = 5_000
		var users sync.WaitGroup
		quit := make(chan struct{})
		for range 2 {
			users.Go(func() {
				for {
					select {
					case <-quit:
						return
					default:
						d.Poll()
					}
				}
			})
		}
		users.Go(func() {
			for sent := 0; sent < total; {
				seen := w.Readiness()
				n, err := unix.Write(b, []byte("x"))
				if err == nil {
					sent += n
					continue
				}
				w.Exhausted(Writable, seen)
				ready, _ := await(w, Writable)
				<-ready
			}
			_ = unix.Shutdown(b, unix.SHUT_WR)
		})
		var buf [8]byte
		got, ended := 0, false
		for !ended {
			seen := s.Readiness()
			n, err := unix.Read(a, buf[:])
			switch {
			case errors.Is(err, unix.EAGAIN):
				s.Exhausted(Readable, seen)
			case err != nil:
				t.Fatal(err)
			case n == 0:
				ended = true
			case n < len(buf):
				s.Drained(Readable, seen)
			}
			got += max(n, 0)
			if !ended {
				ready, stop := await(s, Readable)
				<-ready
				stop()
			}
		}
		if got != total {
			t.Errorf("%d bytes arrived, want %d", got, total)
		}
		close(quit)
		users.Wait()
	})
}

func TestSourceClose(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, b := pair(t)
		s := register(t, d, a)
		exhaust(s, Readable)
		ready, stop := await(s, Readable)
		s.Close()
		s.Close()
		if len(ready) != 1 {
			t.Error("Close did not end a wait")
		}
		stop()
		if ready, _ := await(s, Readable); len(ready) != 1 {
			t.Error("a wait for a closed Source does not end")
		}
		// The descriptor remains open, and can be registered again.
		again := register(t, d, a)
		exhaust(again, Readable)
		ready, _ = await(again, Readable)
		send(t, b)
		<-ready
		receive(t, a)
	})
}

func TestCloseDropsWaits(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		a, _ := pair(t)
		s := register(t, d, a)
		d.Poll()
		exhaust(s, Readable)
		ready, stop := await(s, Readable)
		closeNow(t, d)
		if len(ready) != 0 {
			t.Error("closing the driver completed a wait")
		}
		stop()
		d.Poll()
		if _, err := d.Register(a); !errors.Is(err, os.ErrClosed) {
			t.Errorf("Register after Close: %v, want os.ErrClosed", err)
		}
		s.Close()
	})
}

// TestSourcesOfReusedDescriptors closes and opens descriptors, so that numbers come again, while others poll.
func TestSourcesOfReusedDescriptors(t *testing.T) {
	pollers(t, func(t *testing.T, d *Driver) {
		quit := make(chan struct{})
		var poller sync.WaitGroup
		poller.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					d.Poll()
				}
			}
		})
		for range 300 {
			ends, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM, 0)
			if err != nil {
				t.Fatal(err)
			}
			if err := unix.SetNonblock(ends[0], true); err != nil {
				t.Fatal(err)
			}
			s, err := d.Register(ends[0])
			if err != nil {
				t.Fatal(err)
			}
			exhaust(s, Readable)
			ready, _ := await(s, Readable)
			send(t, ends[1])
			<-ready
			s.Close()
			_ = unix.Close(ends[0])
			_ = unix.Close(ends[1])
		}
		close(quit)
		poller.Wait()
	})
}

// TestWaitWithoutDescriptor: a wait that needs a descriptor of its own when there is none ends soon, so that it is tried
// again.
func TestWaitWithoutDescriptor(t *testing.T) {
	d := New(Config{})
	defer closeNow(t, d)
	p := newDuplicates(d)
	a, _ := pair(t)
	s := &Source{fd: a, poller: p}
	p.duplicate = func(int) (*os.File, syscall.RawConn, error) { return nil, nil, unix.EMFILE }
	ready, _ := await(s, Readable)
	<-ready
	ready, stop := await(s, Writable)
	<-ready // it is
	stop()
	exhaust(s, Readable)
	ready, stop = await(s, Readable)
	stop()
	if d.Due(never - 1) {
		t.Error("a stopped wait left its timer armed")
	}
	if len(ready) != 0 {
		t.Error("a stopped wait completed")
	}
}

// BenchmarkAwait measures a wait for a connection that becomes readable.
func BenchmarkAwait(b *testing.B) {
	for _, kind := range pollerKinds {
		b.Run("poller="+kind.name, func(b *testing.B) {
			d := withPoller(b, kind.make)
			defer closeNow(b, d)
			r, w := pair(b)
			s := register(b, d, r)
			ready := make(chan bool, 1)
			b.ReportAllocs()
			for b.Loop() {
				exhaust(s, Readable)
				s.Await(Readable, func() { ready <- true })
				send(b, w)
				<-ready
				receive(b, r)
			}
		})
	}
}

// BenchmarkArm measures a wait that is stopped.
func BenchmarkArm(b *testing.B) {
	d := New(Config{})
	defer closeNow(b, d)
	r, _ := pair(b)
	s := register(b, d, r)
	d.Poll()
	exhaust(s, Readable)
	b.ReportAllocs()
	for b.Loop() {
		s.Await(Readable, func() {})()
	}
}

// BenchmarkPoll measures a poll that finds nothing.
func BenchmarkPoll(b *testing.B) {
	d := New(Config{})
	defer closeNow(b, d)
	r, _ := pair(b)
	register(b, d, r)
	b.ReportAllocs()
	for b.Loop() {
		d.Poll()
	}
}
