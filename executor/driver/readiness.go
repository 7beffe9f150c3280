package driver

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// direction is what a wait waits for.
type direction int

const (
	readable direction = iota
	writable
)

// waits holds the waits for readiness that are under way.
type waits struct {
	ended sync.WaitGroup

	mu     sync.Mutex
	all    map[*wait]struct{}
	closed bool
}

// wait is one wait for the readiness of one descriptor:
//
//  1. The descriptor is duplicated, and the duplicate registered with the runtime's poller, as a
//     file of its own. So the wait shares nothing with whoever uses the original: neither its
//     deadlines nor the lock that makes one reader wait for another, and several waits for one
//     descriptor, in one direction or both, don't know of each other.
//     (TestWaitLeavesDeadlinesAlone, TestWaitsAreIndependent)
//  2. A goroutine waits for the duplicate. The poller reports edges, so each time before it waits
//     it asks the kernel whether the descriptor is ready (without blocking, after the poller was
//     reset): an edge that came before the reset is not lost, and one that turns out to be about
//     something else is not taken for readiness. (TestReadableByData, TestPoll)
//  3. Ready, or failed: the goroutine takes mu and calls ready unless the wait was stopped.
//     A wait that fails counts as ready: the caller's next attempt gets the error.
//     (TestReadableRegularFile)
//  4. stop takes mu, marks the wait as stopped, and closes the duplicate, which ends the
//     goroutine's wait. It need not wait for the goroutine: mu decides who was first.
//     (TestStopAgainstReady)
//
// Rejected: waiting on the original and interrupting it by a deadline in the past (a race with
// every other use of deadlines, and the waiter holds the descriptor's read lock, so that an
// attempt to read blocks a worker until the wait ends); an epoll of our own (no goroutine for each
// wait, 3 KiB, but a second implementation for each system, and one registration for each
// descriptor to be shared by hand among waits).
type wait struct {
	file *os.File

	mu    sync.Mutex
	ready func() // nil once it was called or the wait was stopped
}

// AwaitReadable calls ready once c can be read without blocking: data, the end of the stream, an
// error, or for a listener a connection to accept. ready is called at most once, not before
// AwaitReadable returned, and not after stop returned; it must neither block nor call stop. It may
// come without cause: try, and wait again.
//
// stop must be called before c is closed, since the wait keeps the descriptor open; it may be
// called at any time, and more than once. The error tells that c is closed or that there are no
// descriptors left.
func (d *Driver) AwaitReadable(c syscall.Conn, ready func()) (stop func(), err error) {
	return d.waits.await(c, readable, ready)
}

// AwaitWritable is AwaitReadable for writing, and for a connection being made.
func (d *Driver) AwaitWritable(c syscall.Conn, ready func()) (stop func(), err error) {
	return d.waits.await(c, writable, ready)
}

func (ws *waits) await(c syscall.Conn, dir direction, ready func()) (stop func(), err error) {
	file, err := duplicate(c)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	w := &wait{file: file, ready: ready}
	// Whoever starts the goroutine holds mu until await returns, so ready is not called before.
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := ws.add(w, raw, dir); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return w.stop, nil
}

func (ws *waits) add(w *wait, raw syscall.RawConn, dir direction) error {
	ws.mu.Lock()
	defer ws.mu.Unlock()
	if ws.closed {
		return os.ErrClosed
	}
	if ws.all == nil {
		ws.all = make(map[*wait]struct{})
	}
	ws.all[w] = struct{}{}
	ws.ended.Go(func() { ws.run(w, raw, dir) })
	return nil
}

func (ws *waits) run(w *wait, raw syscall.RawConn, dir direction) {
	isReady := func(fd uintptr) bool { return poll(fd, dir) }
	switch dir {
	case readable:
		_ = raw.Read(isReady) // failed counts as ready
	case writable:
		_ = raw.Write(isReady)
	}
	w.complete()
	ws.mu.Lock()
	delete(ws.all, w)
	ws.mu.Unlock()
}

func (w *wait) complete() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ready != nil {
		w.ready()
	}
	w.end()
}

func (w *wait) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
}

func (w *wait) end() {
	w.ready = nil
	_ = w.file.Close() // a second Close fails, and does nothing
}

// close stops the waits there are, refuses others, and waits for the goroutines.
func (ws *waits) close() {
	ws.mu.Lock()
	ws.closed = true
	for w := range ws.all {
		w.stop()
	}
	ws.mu.Unlock()
	ws.ended.Wait()
}
