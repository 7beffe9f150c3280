//go:build unix

package driver

import (
	"errors"
	"net"
	"os"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pair returns the two ends of a TCP connection.
func pair(t *testing.T) (a, b *net.TCPConn) {
	t.Helper()
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	dialled, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	accepted, err := l.AcceptTCP()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { dialled.Close(); accepted.Close() })
	return dialled.(*net.TCPConn), accepted
}

func newDriver(t *testing.T) *Driver {
	t.Helper()
	d := New(Config{})
	t.Cleanup(func() { closeNow(t, d) })
	return d
}

func await(t *testing.T, d *Driver, dir direction, c syscall.Conn) (ready chan bool, stop func()) {
	t.Helper()
	ready = make(chan bool, 1)
	stop, err := d.waits.await(c, dir, func() { ready <- true })
	if err != nil {
		t.Fatal(err)
	}
	return ready, stop
}

// settled waits until no wait is in progress.
func settled(d *Driver) { d.waits.goroutines.Wait() }

// underWay checks the number of waits in progress.
func underWay(t *testing.T, d *Driver, n int) {
	t.Helper()
	d.waits.mu.Lock()
	defer d.waits.mu.Unlock()
	if len(d.waits.all) != n {
		t.Fatalf("%d waits under way, want %d", len(d.waits.all), n)
	}
}

func TestReadableByData(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	ready, _ := await(t, d, readable, a)
	underWay(t, d, 1)
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	<-ready
	// It is readable still: level, not edge.
	ready, _ = await(t, d, readable, a)
	<-ready
	buf := make([]byte, 10)
	if n, err := a.Read(buf); n != 1 || err != nil {
		t.Errorf("Read = %d, %v after the waits", n, err)
	}
	settled(d)
}

// TestPoll tests the question that a wait asks the kernel.
func TestPoll(t *testing.T) {
	a, b := pair(t)
	ask := func(c syscall.Conn, dir direction) (ready bool) {
		t.Helper()
		raw, err := c.SyscallConn()
		if err != nil {
			t.Fatal(err)
		}
		if err := raw.Control(func(fd uintptr) { ready = poll(fd, dir) }); err != nil {
			t.Fatal(err)
		}
		return ready
	}
	if ask(a, readable) {
		t.Error("a connection without data is readable")
	}
	if !ask(a, writable) {
		t.Error("an empty connection is not writable")
	}
	b.Close()
	ready, _ := await(t, newDriver(t), readable, a)
	<-ready
	if !ask(a, readable) {
		t.Error("a connection whose other end is closed is not readable")
	}
}

func TestReadableByEndOfStream(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	ready, _ := await(t, d, readable, a)
	if err := b.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	<-ready
}

func TestReadableListener(t *testing.T) {
	d := newDriver(t)
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	ready, _ := await(t, d, readable, l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	<-ready
}

func TestReadablePipe(t *testing.T) {
	d := newDriver(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	ready, _ := await(t, d, readable, r)
	w.Close()
	<-ready
}

// TestReadableRegularFile: a descriptor that cannot be waited for counts as ready.
func TestReadableRegularFile(t *testing.T) {
	d := newDriver(t)
	f, err := os.Create(t.TempDir() + "/file")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ready, _ := await(t, d, readable, f)
	<-ready
}

func TestWritable(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	ready, _ := await(t, d, writable, a)
	<-ready

	// Fill it up: not writable. Drain it: writable again.
	if err := a.SetWriteDeadline(time.Now().Add(50 * time.Millisecond)); err != nil {
		t.Fatal(err)
	}
	var filled int
	for err := error(nil); err == nil; {
		var n int
		n, err = a.Write(make([]byte, 1<<20))
		filled += n
	}
	settled(d)
	ready, _ = await(t, d, writable, a)
	buf := make([]byte, 1<<20)
	for filled > 0 {
		n, err := b.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		filled -= n
	}
	<-ready
}

// TestWaitsAreIndependent waits for both directions of one connection, twice for one of them, and
// stops one of those.
func TestWaitsAreIndependent(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	first, stopFirst := await(t, d, readable, a)
	second, _ := await(t, d, readable, a)
	write, _ := await(t, d, writable, a)
	<-write
	stopFirst()
	stopFirst()
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	<-second
	settled(d)
	select {
	case <-first:
		t.Error("a stopped wait completed")
	default:
	}
}

// TestStopAgainstReady has stop and readiness race: once stop has returned, ready is not called.
func TestStopAgainstReady(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	for range 500 {
		var mu sync.Mutex
		stopped := false
		stop, err := d.AwaitReadable(a, func() {
			mu.Lock()
			defer mu.Unlock()
			if stopped {
				t.Error("ready called after stop returned")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Write([]byte("x")); err != nil {
			t.Fatal(err)
		}
		stop()
		mu.Lock()
		stopped = true
		mu.Unlock()
		if _, err := a.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	settled(d)
}

// TestWaitLeavesDeadlinesAlone: neither does a deadline of the connection end a wait, nor does
// stopping a wait disturb the connection.
func TestWaitLeavesDeadlinesAlone(t *testing.T) {
	d := newDriver(t)
	a, b := pair(t)
	if err := a.SetReadDeadline(time.Unix(1, 0)); err != nil {
		t.Fatal(err)
	}
	ready, stop := await(t, d, readable, a)
	stop()
	settled(d)
	if err := a.SetReadDeadline(time.Time{}); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if n, err := a.Read(make([]byte, 1)); n != 1 || err != nil {
		t.Errorf("Read = %d, %v after a wait was stopped", n, err)
	}
	if len(ready) != 0 {
		t.Error("a passed deadline counted as readiness")
	}
}

func TestAwaitClosed(t *testing.T) {
	d := newDriver(t)
	a, _ := pair(t)
	a.Close()
	if _, err := d.AwaitReadable(a, func() { t.Error("ready") }); !errors.Is(err, net.ErrClosed) {
		t.Errorf("AwaitReadable of a closed connection: %v, want net.ErrClosed", err)
	}
}

func TestCloseStopsWaits(t *testing.T) {
	d := New(Config{})
	a, b := pair(t)
	ready, _ := await(t, d, readable, a)
	closeNow(t, d)
	if len(ready) != 0 {
		t.Error("Close completed a wait")
	}
	if _, err := d.AwaitReadable(b, func() {}); !errors.Is(err, os.ErrClosed) {
		t.Errorf("AwaitReadable after Close: %v, want os.ErrClosed", err)
	}
}

// BenchmarkAwait measures a wait for a connection that becomes readable.
func BenchmarkAwait(b *testing.B) {
	d := New(Config{})
	defer closeNow(b, d)
	r, w, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	defer r.Close()
	defer w.Close()
	ready := make(chan bool)
	buf := make([]byte, 1)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := d.AwaitReadable(r, func() { ready <- true }); err != nil {
			b.Fatal(err)
		}
		if _, err := w.Write(buf); err != nil {
			b.Fatal(err)
		}
		<-ready
		if _, err := r.Read(buf); err != nil {
			b.Fatal(err)
		}
	}
}
