package link

import "sync"

const (
	// windowBytes bounds the bytes of a stream that nobody has read. Of items that are no bytes the last one may be larger.
	windowBytes = 64 << 10
	// windowItems bounds the items that are no bytes.
	windowItems = 1 << 10
	// smallBuffer is what a stream keeps when all was read.
	smallBuffer = 4 << 10
)

// Buffers has the large buffers that no stream uses. The zero value has none.
type Buffers struct{ pool sync.Pool }

func (b *Buffers) get(size int) []byte {
	if size < windowBytes {
		return make([]byte, size)
	}
	if large, ok := b.pool.Get().(*[windowBytes]byte); ok {
		return large[:]
	}
	return make([]byte, windowBytes)
}

func (b *Buffers) put(buffer []byte) {
	if len(buffer) == windowBytes {
		b.pool.Put((*[windowBytes]byte)(buffer))
	}
}

// ring is bytes in the order in which they were written. Its memory is as large as it must be, and no larger than windowBytes.
type ring struct {
	from     *Buffers
	memory   []byte
	first, n int
}

// room is how many bytes may be written.
func (r *ring) room() int { return windowBytes - r.n }

// sizeFor is how large the memory is when n bytes more are written.
func (r *ring) sizeFor(n int) int {
	size := max(len(r.memory), smallBuffer/4)
	for size < r.n+n {
		size *= 2
	}
	return size
}

// write writes what there is room for.
func (r *ring) write(b []byte) (n int) {
	b = b[:min(len(b), r.room())]
	if size := r.sizeFor(len(b)); size > len(r.memory) && len(b) > 0 {
		larger := r.from.get(size)
		kept := r.copyTo(larger)
		r.from.put(r.memory)
		r.memory, r.first, r.n = larger, 0, kept
	}
	for len(b) > 0 {
		at := (r.first + r.n) % len(r.memory)
		copied := copy(r.memory[at:], b)
		b, n, r.n = b[copied:], n+copied, r.n+copied
	}
	return n
}

// copyTo copies the first bytes, as many as there are and as there is room for.
func (r *ring) copyTo(to []byte) (n int) {
	end := min(r.first+r.n, len(r.memory))
	n = copy(to, r.memory[r.first:end])
	return n + copy(to[n:], r.memory[:r.n-(end-r.first)])
}

// read reads the first bytes. When all was read, it gives up memory that is not small.
func (r *ring) read(to []byte) (n int) {
	n = r.copyTo(to)
	if r.n -= n; r.n > 0 {
		r.first = (r.first + n) % len(r.memory)
		return n
	}
	if r.first = 0; len(r.memory) > smallBuffer {
		r.clear()
	}
	return n
}

// clear forgets all.
func (r *ring) clear() {
	r.from.put(r.memory)
	r.memory, r.first, r.n = nil, 0, 0
}
