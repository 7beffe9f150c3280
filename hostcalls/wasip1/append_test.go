package wasip1

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"
)

// TestAppendsAreWhole: records appended in several pieces by several processes are not interleaved.
func TestAppendsAreWhole(t *testing.T) {
	const processes, records, size = 4, 10, 3*files.MaxBuffer + 1234
	data, fixed := newGrants(t)
	appends := files.NewAppends()
	var all sync.WaitGroup
	for i := range processes {
		all.Go(func() {
			withProcessOf(t, &ABI{appends: appends, random: rand.Reader}, abi.Config{Grants: grantsOf(data, fixed)}, func(c *caller) {
				c.mem.bytes = make([]byte, atBuffer+size)
				for at := range c.mem.bytes[atBuffer:] {
					c.mem.bytes[atBuffer+at] = 'a' + byte(i)
				}
				c.iovec(atIovec, atBuffer, 100)
				c.iovec(atIovec+sizeIovec, atBuffer+100, size-100)
				// Some find the file under another name.
				name := "log"
				if i%2 == 1 {
					name = fmt.Sprintf("log%d", i)
					path, n := c.str(atPath2, name)
					c.want(errnoSuccess, "fd_close", c.mustOpen(fdData, "log", oflagCreat, 0, 0))
					old, on := c.str(atPath, "log")
					c.want(errnoSuccess, "path_link", fdData, 0, old, on, fdData, path, n)
				}
				fd := c.mustOpen(fdData, name, oflagCreat, fileRights, fdflagAppend)
				for range records {
					c.want(errnoSuccess, "fd_write", fd, atIovec, 2, atResult)
					if n := c.u32(atResult); n != size {
						t.Errorf("wrote %d of %d", n, size)
					}
				}
			})
		})
	}
	all.Wait()
	got, err := os.ReadFile(filepath.Join(data, "log"))
	if err != nil || len(got) != processes*records*size {
		t.Fatalf("%d bytes, %v; want %d", len(got), err, processes*records*size)
	}
	for len(got) > 0 {
		record := got[:size]
		if !bytes.Equal(record, bytes.Repeat(record[:1], size)) {
			t.Fatal("a record is not in one piece")
		}
		got = got[size:]
	}
	if n := appends.Len(); n != 0 {
		t.Errorf("%d turns are left behind", n)
	}
}

// TestAppendCancelled: a process that is cancelled while it appends keeps its turn until the current write has ended. One
// that is cancelled while it waits leaves the queue.
func TestAppendCancelled(t *testing.T) {
	data, fixed := newGrants(t)
	appends := files.NewAppends()
	config := abi.Config{Grants: grantsOf(data, fixed)}
	turns := appends.Len
	// start returns what cancels a process that is about to append, and what waits for its end.
	start := func(prepare func(*caller)) (cancel, wait func()) {
		ended := make(chan struct{})
		before := turns()
		prepared := make(chan *Process)
		end, task := startProcessOf(t, &ABI{appends: appends, random: rand.Reader}, config, func(c *caller) {
			defer close(ended)
			fd := c.mustOpen(fdData, "log", oflagCreat, fileRights, fdflagAppend)
			list, count := c.buffer("record")
			prepare(c)
			prepared <- c.Process
			c.call("fd_write", fd, list, count, atResult)
			t.Error("fd_write returned")
		})
		for p := <-prepared; turns() == before || len(p.AppendOps(nil)) == 0; { // until it waits, for its turn or its write
			runtime.Gosched()
		}
		return func() { task.Cancel(errStop); <-ended }, func() { _ = end() }
	}
	// The threads of its own pool are busy, so its write is under way until they are released.
	release := make(chan struct{})
	cancelWriting, writingEnds := start(func(c *caller) { occupy(c, release) })
	cancelWaiting, waitingEnds := start(func(*caller) {})
	cancelWaiting()
	waitingEnds()
	if n := turns(); n != 1 {
		t.Errorf("%d turns when the one that waited has gone, want 1", n)
	}
	cancelWriting()
	if n := turns(); n != 1 {
		t.Errorf("%d turns while a write is under way, want 1", n)
	}
	close(release)
	writingEnds()
	if n := turns(); n != 0 {
		t.Errorf("%d turns when the write has ended, want 0", n)
	}
}
