package wasip1

import (
	"sync"

	"github.com/reactord/reactord/hostcalls"
)

// Files are read and written on the blocking pool, into and from buffers of our own: a job may
// outlive the guest that it was begun for, and the guest's memory with it. Buffers come in sizes by
// powers of four, so that ten thousand guests that wait to read a line each do not hold the room for
// a large transfer each.
const (
	minFileBuffer = 1 << 10
	maxFileBuffer = 64 << 10
)

// fileBuffers are the buffers that are not in use, by size. They are a cache and hold no state.
var fileBuffers [4]sync.Pool

// fileBuffer is a buffer on loan from fileBuffers.
type fileBuffer struct {
	bytes []byte
	class int
	whole *[]byte
}

// borrow returns a buffer of n bytes, maxFileBuffer at most.
func borrow(n uint32) fileBuffer {
	n = min(n, maxFileBuffer)
	class, size := 0, uint32(minFileBuffer)
	for size < n {
		class, size = class+1, size<<2
	}
	whole, ok := fileBuffers[class].Get().(*[]byte)
	if !ok {
		b := make([]byte, size)
		whole = &b
	}
	return fileBuffer{bytes: (*whole)[:n], class: class, whole: whole}
}

// giveBack ends the loan.
func (b fileBuffer) giveBack() {
	if b.whole != nil {
		fileBuffers[b.class].Put(b.whole)
	}
}

// readFile reads once, on the blocking pool, and hands the bytes to the guest.
func (p *Process) readFile(op hostcalls.Op, v iovecs, read func([]byte) (int, error)) (uint32, errno) {
	var buf fileBuffer // borrowed when it is needed, not while the job waits for its turn
	var n int
	var err error
	p.blocking(op, func() {
		buf = borrow(v.total)
		n, err = read(buf.bytes)
	}, func() { buf.giveBack() })
	defer buf.giveBack()
	if err != nil {
		return 0, fileErrno(err)
	}
	p.charge(copyCost(n))
	return uint32(v.scatter(buf.bytes[:n])), errnoSuccess
}

// writeFile writes what the guest's buffers hold, up to what one of ours does, on the blocking pool.
func (p *Process) writeFile(op hostcalls.Op, v iovecs, write func([]byte) (int, error)) (uint32, errno) {
	p.charge(copyCost(int(min(v.total, maxFileBuffer))))
	buf := borrow(v.total)
	size := v.gather(buf.bytes)
	var n int
	var err error
	p.blocking(op, func() { n, err = write(buf.bytes[:size]) }, buf.giveBack)
	buf.giveBack()
	return uint32(n), fileErrno(err)
}
