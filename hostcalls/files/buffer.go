package files

import "sync"

// MaxBuffer is the size of the largest buffer.
const MaxBuffer = 64 << 10

// minBuffer is the size of the smallest.
const minBuffer = 1 << 10

// buffers are the unused ones by size class. They are a cache and hold no state.
var buffers [4]sync.Pool

// Buffer is a buffer of the host, on loan: files are read and written on the blocking pool through them, since a job may
// outlive its guest and the guest's memory. Sizes are powers of four, so that each of ten thousand guests that wait to read
// a line does not hold a buffer for a large transfer.
type Buffer struct {
	Bytes []byte
	class int
	whole *[]byte
}

// Borrow returns a buffer of n bytes, at most MaxBuffer.
func Borrow(n uint32) Buffer {
	n = min(n, MaxBuffer)
	class, size := 0, uint32(minBuffer)
	for size < n {
		class, size = class+1, size<<2
	}
	whole, ok := buffers[class].Get().(*[]byte)
	if !ok {
		b := make([]byte, size)
		whole = &b
	}
	return Buffer{Bytes: (*whole)[:n], class: class, whole: whole}
}

// GiveBack ends the loan. The zero Buffer is none.
func (b Buffer) GiveBack() {
	if b.whole != nil {
		buffers[b.class].Put(b.whole)
	}
}
