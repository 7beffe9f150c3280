package link

import (
	"errors"
	"sync"
	"sync/atomic"

	"github.com/reactord/reactord/component/types"
)

// Stream carries the items of a stream, or the value of a future, from the store that writes it to the one that reads it.
type Stream struct {
	future, bytes bool
	moved         atomic.Uint64 // bytes that were read

	mu      sync.Mutex // guards the fields below
	ring    ring       // of bytes
	items   []Item     // of anything else
	size    int64      // of items
	put     bool       // a future has got its value
	ended   bool       // the writer writes no more
	err     error      // why there is not all
	adopted bool       // what is left counts as the reader's
	refused bool       // the reader has no room for it
	left    bool       // the writer's store is gone
	dropped bool       // the reader reads no more
	why     error      // that is not the reader's will
	onRead  func()     // wakes the writer; nil: it is not there yet
	onWrite func()     // wakes the reader; nil: it is not there yet
	toRead  bool       // the reader waits
	toWrite bool       // the writer waits
}

// NewStream makes what carries a stream or future of a type.
func NewStream(t *types.Type, buffers *Buffers) *Stream {
	return &Stream{future: t.Kind == types.Future, bytes: t.OfBytes(), ring: ring{from: buffers}}
}

// Bytes reports whether it is a stream of bytes, and Future whether it is a future.
func (s *Stream) Bytes() bool { return s.bytes }

// Future reports whether it is a future.
func (s *Stream) Future() bool { return s.future }

// Moved returns how many bytes were read. It may be called from any goroutine.
func (s *Stream) Moved() uint64 { return s.moved.Load() }

// tellReader wakes the reader, if it waits or always is true. mu is held.
func (s *Stream) tellReader(always bool) {
	if s.onWrite != nil && (s.toRead || always) {
		s.toRead = false
		s.onWrite()
	}
}

// tellWriter is tellReader for the writer.
func (s *Stream) tellWriter(always bool) {
	if s.onRead != nil && (s.toWrite || always) {
		s.toWrite = false
		s.onRead()
	}
}

// empty reports whether there is nothing to read. mu is held.
func (s *Stream) empty() bool { return s.ring.n == 0 && len(s.items) == 0 }

// clear forgets what nobody reads, and returns the streams in it. mu is held.
func (s *Stream) clear() (nested []*Stream) {
	s.ring.clear()
	for i := range s.items {
		nested = append(nested, s.items[i].Streams...)
	}
	s.items, s.size = nil, 0
	return nested
}

// What the writer does.

// Writes begins to write. wake is called when a writer that waits may go on, when the reader has gone, and when there is less that
// counts as the writer's memory after End. It does not wait, and does not come back to the Stream.
func (s *Stream) Writes(wake func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onRead = wake
	if s.dropped {
		s.onRead()
	}
}

// Room returns how many items may be written now, of a stream of bytes how many bytes. If there are none the writer waits.
func (s *Stream) Room() (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = s.room()
	s.toWrite = n == 0
	return n
}

func (s *Stream) room() int {
	switch {
	case s.ended, s.dropped:
		return 0
	case s.bytes:
		return s.ring.room()
	case s.size >= windowBytes:
		return 0
	default:
		return windowItems - len(s.items)
	}
}

// WaitToWrite says that the writer waits for more room, though there is some.
func (s *Stream) WaitToWrite() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.toWrite = true; s.empty() {
		s.tellWriter(false)
	}
}

// Growth returns how many bytes of memory more it takes at most to write so many bytes.
func (s *Stream) Growth(bytes int) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(s.ring.sizeFor(min(bytes, s.ring.room())) - len(s.ring.memory))
}

// Spare returns how many bytes may be written that take no more memory.
func (s *Stream) Spare() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.ring.memory) - s.ring.n
}

// Write writes bytes, as many as there is room for.
func (s *Stream) Write(b []byte) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.dropped {
		return 0
	}
	if n = s.ring.write(b); n > 0 {
		s.tellReader(false)
	}
	return n
}

// Put writes an item, or the value of a future.
func (s *Stream) Put(item Item) {
	s.mu.Lock()
	taken := !s.ended && !s.dropped
	if taken {
		s.items, s.size, s.put = append(s.items, item), s.size+item.Bytes(), true
		s.tellReader(false)
	}
	s.mu.Unlock()
	if !taken {
		item.Discard()
	}
}

// errNoValue means that nobody writes the value of a future.
var errNoValue = errors.New("the future has no value")

// errNoRoom means that the reader's store has no room for what is left of a stream.
var errNoRoom = errors.New("the memory limit has no room for what is left of it")

// End says that the writer writes no more; why, unless nil, that this is not all, and then what was not read is forgotten, unless the
// reader has adopted it. Of more than one end the first counts, unless something is left to be forgotten.
func (s *Stream) End(why error) {
	s.mu.Lock()
	if why == nil && s.future && !s.put {
		why = errNoValue
	}
	nested := s.end(why)
	s.mu.Unlock()
	discard(nested)
}

// end is End. mu is held.
func (s *Stream) end(why error) (nested []*Stream) {
	if s.ended && (why == nil || s.err != nil || s.adopted || s.empty()) {
		return nil
	}
	s.ended, s.err = true, why
	if why != nil || s.empty() {
		nested = s.clear()
	}
	s.tellReader(true)
	return nested
}

// Leave says that the writer's store is gone. If the writer has ended before, a reader that is there keeps what is left as soon as it
// has adopted it. Otherwise it is the end, and why there is not all.
func (s *Stream) Leave(why error) {
	s.mu.Lock()
	var nested []*Stream
	if s.left = true; !s.ended || s.refused || s.onWrite == nil {
		nested = s.end(why)
	} else {
		s.tellReader(true)
	}
	s.onRead = nil
	s.mu.Unlock()
	discard(nested)
}

// Held returns how many bytes of memory count as the writer's: what was not read, until the reader adopts it.
func (s *Stream) Held() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.adopted {
		return 0
	}
	return s.memory()
}

// memory is how many bytes what is to be read takes. mu is held.
func (s *Stream) memory() int64 { return int64(len(s.ring.memory)) + s.size }

// Gone reports whether nobody reads any more; why, unless nil, is why that is not the reader's will.
func (s *Stream) Gone() (gone bool, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.dropped, s.why
}

// What the reader does.

// Reads begins to read. wake is called when a reader that waits may go on, and when the writer has ended. It does not wait, and does not
// come back to the Stream.
func (s *Stream) Reads(wake func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onWrite = wake
	if s.ended {
		s.onWrite()
	}
}

// Ready reports whether there is something to read, or there will be nothing. If not, the reader waits.
func (s *Stream) Ready() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.toRead = s.empty() && !s.ended
	return !s.toRead
}

// WaitToRead says that the reader waits for more, though it has read something.
func (s *Stream) WaitToRead() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.toRead = true; s.ended || !s.empty() {
		s.tellReader(false)
	}
}

// Read reads bytes of a stream of bytes.
func (s *Stream) Read(to []byte) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n = s.ring.read(to)
	s.moved.Add(uint64(n))
	s.wasRead()
	return n
}

// Take takes up to most items. They are the reader's, who delivers or discards them.
func (s *Stream) Take(most int) (items []Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := min(most, len(s.items))
	items = s.items[:n:n]
	if s.items = s.items[n:]; len(s.items) == 0 {
		s.items = nil
	}
	for i := range items {
		bytes := items[i].Bytes()
		s.size -= bytes
		s.moved.Add(uint64(bytes))
	}
	s.wasRead()
	return items
}

// wasRead wakes a writer that waits when half of the window is free, so that it is not woken for each small piece, and one that has ended
// when there is nothing left. mu is held.
func (s *Stream) wasRead() {
	switch {
	case s.ended && s.empty():
		s.clear()
		s.tellWriter(!s.adopted)
	case s.ended:
	case s.ring.n <= windowBytes/2 && s.size <= windowBytes/2 && len(s.items) <= windowItems/2:
		s.tellWriter(false)
	}
}

// Over reports whether all was read, and why that is not all that there was to be.
func (s *Stream) Over() (over bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended && s.empty(), s.err
}

// Left returns how many bytes of memory are left to be read when the writer has ended, and whether its store is gone.
func (s *Stream) Left() (bytes int64, gone bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended {
		return 0, false
	}
	return s.memory(), s.left
}

// Adopt says that what Left has returned counts as the reader's memory from now on. It reports false if nothing is left.
func (s *Stream) Adopt() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ended || s.empty() {
		return false
	}
	s.adopted = true
	s.tellWriter(true)
	return true
}

// Refuse says that there is no room for what Left has returned. It stays the writer's as long as its store is there.
func (s *Stream) Refuse() {
	s.mu.Lock()
	var nested []*Stream
	if s.refused = true; s.left {
		nested = s.end(errNoRoom)
	}
	s.mu.Unlock()
	discard(nested)
}

// Drop says that the reader reads no more; why, unless nil, is why that is not its will. It may be called more than once.
func (s *Stream) Drop(why error) {
	s.mu.Lock()
	var nested []*Stream
	if !s.dropped {
		s.dropped, s.why = true, why
		nested = s.clear()
		s.tellWriter(true)
	}
	s.mu.Unlock()
	discard(nested)
}
