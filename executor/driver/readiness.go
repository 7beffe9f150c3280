package driver

import (
	"errors"
	"os"
	"sync"
	"syscall"
)

// direction says whether a wait is for reading or for writing.
type direction int

const (
	readable direction = iota
	writable
)

// waits are the waits for readiness in progress.
type waits struct {
	goroutines sync.WaitGroup

	mu     sync.Mutex // guards the fields below
	all    map[*wait]struct{}
	closed bool
}

// wait is one wait for the readiness of one descriptor:
//
//  1. The descriptor is duplicated, and the duplicate registered with the runtime's poller as a file
//     of its own. So the wait shares neither deadlines nor the lock among readers with users of the
//     original, and several waits for one descriptor, in one direction or both, are independent.
//     (TestWaitLeavesDeadlinesAlone, TestWaitsAreIndependent)
//  2. A goroutine waits for the duplicate. The poller reports edges, so before each wait, and after
//     resetting the poller, the goroutine asks the kernel without blocking whether the descriptor is
//     ready: an edge that came before the reset is not lost, and an edge of another kind is not taken
//     for readiness. (TestReadableByData, TestPoll)
//  3. When the descriptor is ready, the goroutine takes mu and calls onReady unless the wait was
//     stopped. A failed wait counts as ready: the caller's next attempt gets the error.
//     (TestReadableRegularFile)
//  4. stop takes mu, marks the wait as stopped, and closes the duplicate, which ends the
//     goroutine's wait. It need not wait for the goroutine: mu decides whether stop or onReady was
//     first. (TestStopAgainstReady)
//
// Rejected: waiting on the original and interrupting it by a deadline in the past (a race with
// every other use of deadlines, and the waiter holds the descriptor's read lock, so that an
// attempt to read blocks a worker until the wait ends); an epoll of our own (no goroutine for each
// wait, 3 KiB, but a second implementation for each system, and one registration for each
// descriptor to be shared by hand among waits).
type wait struct {
	file *os.File

	mu      sync.Mutex
	onReady func() // nil once it was called or the wait was stopped; guarded by mu
}

// AwaitReadable calls onReady once c can be read without blocking: there is data, the end of the
// stream, an error, or for a listener a connection to accept. onReady is called at most once, not
// before AwaitReadable returns, and not after stop returns; it must neither block nor call stop. It
// may be called spuriously: the caller tries, and waits again.
//
// stop must be called before c is closed, since the wait keeps the descriptor open. It may be called
// at any time, and more than once. AwaitReadable fails if c is closed or there are no descriptors
// left.
func (d *Driver) AwaitReadable(c syscall.Conn, onReady func()) (stop func(), err error) {
	return d.waits.await(c, readable, onReady)
}

// AwaitWritable is AwaitReadable for writing, and for a connection being made.
func (d *Driver) AwaitWritable(c syscall.Conn, onReady func()) (stop func(), err error) {
	return d.waits.await(c, writable, onReady)
}

func (ws *waits) await(c syscall.Conn, dir direction, onReady func()) (stop func(), err error) {
	file, err := duplicate(c)
	if err != nil {
		return nil, err
	}
	raw, err := file.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	w := &wait{file: file, onReady: onReady}
	// mu is held until await returns, so onReady is not called before.
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
	ws.goroutines.Go(func() { ws.run(w, raw, dir) })
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
	if w.onReady != nil {
		w.onReady()
	}
	w.end()
}

func (w *wait) stop() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.end()
}

func (w *wait) end() {
	w.onReady = nil
	_ = w.file.Close() // a second Close fails, and does nothing
}

// close stops all waits, refuses new ones, and waits for the goroutines.
func (ws *waits) close() {
	ws.mu.Lock()
	ws.closed = true
	for w := range ws.all {
		w.stop()
	}
	ws.mu.Unlock()
	ws.goroutines.Wait()
}
