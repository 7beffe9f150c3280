package memory

import (
	"fmt"
	"runtime"
	"sync"
	"unsafe"
)

const (
	// PageBytes is the unit in which WebAssembly counts linear memory.
	PageBytes = int64(64) << 10

	// arenaBytes is the address space reserved at a time. A process may have some 65,000 mappings
	// (vm.max_map_count), far fewer than there may be guests, so slots share them: at this size the whole
	// 47 bits of address space are 2,048 mappings.
	arenaBytes = int64(64) << 30
)

// class is a size of slots: 64 KiB, 256 KiB, 1 MiB, 4 MiB, and from there powers of two up to the 4 GiB that
// a 32-bit memory can have.
//
// Small slots lie side by side, so that guests of a page or two share page tables. In 2 MiB regions of their
// own, each would need a 4 KiB table.
type class int

const (
	copyClass  class = 3  // 4 MiB: the last class that a growing memory is copied out of
	largest    class = 13 // 4 GiB
	classCount       = int(largest) + 1
)

func (c class) bytes() int64 {
	if c <= copyClass {
		return PageBytes << (2 * c)
	}
	return copyClass.bytes() << (c - copyClass)
}

// classFor returns the smallest class that holds size bytes; ok is false if none does.
func classFor(size int64) (c class, ok bool) {
	for c := range largest + 1 {
		if size <= c.bytes() {
			return c, true
		}
	}
	return 0, false
}

// discardBytes is the amount returned to the operating system at a time, which takes about 0.2 ms.
const discardBytes = 1 << 20

// slots allocates the slots of one class. Every free slot reads as zeroes.
type slots struct {
	mu     sync.Mutex // guards the fields below
	warm   []*byte    // free ones with the pages of their last guest, which were cleared; they are taken first
	free   []*byte    // other free ones; last in, first out: the page tables of the last one exist and are warm
	fresh  []byte     // the part of the newest arena that was never allocated
	arenas [][]byte
}

// acquire returns the base of a zeroed slot, or an error of the operating system.
func (s *slots) acquire(c class) (*byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, list := range []*[]*byte{&s.warm, &s.free} {
		if n := len(*list); n > 0 {
			base := (*list)[n-1]
			*list = (*list)[:n-1]
			return base, nil
		}
	}
	if len(s.fresh) == 0 {
		arena, err := reserveArena(c.bytes())
		if err != nil {
			return nil, err
		}
		s.arenas = append(s.arenas, arena)
		s.fresh = arena
	}
	base := unsafe.SliceData(s.fresh)
	s.fresh = s.fresh[c.bytes():]
	return base, nil
}

// release takes back a slot, which must read as zeroes.
func (s *slots) release(base *byte) {
	s.mu.Lock()
	s.free = append(s.free, base)
	s.mu.Unlock()
}

// hasRoomForWarm reports whether releaseWarm would take a slot now.
func (s *slots) hasRoomForWarm() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.warm) < mostWarm
}

// releaseWarm is release for a slot that has pages. It returns false if there are enough of them.
func (s *slots) releaseWarm(base *byte) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.warm) == mostWarm {
		return false
	}
	s.warm = append(s.warm, base)
	return true
}

// discardAll returns the pages of the first n bytes of a slot to the operating system. It does so in pieces and lets
// other goroutines run between them: a goroutine in a system call keeps its processor until the runtime notices, which may
// take 10 ms, and meanwhile the kernel may keep others from changing mappings.
func discardAll(base *byte, n int64) {
	for b := unsafe.Slice(base, n); len(b) > 0; {
		piece := b[:min(len(b), discardBytes)]
		b = b[len(piece):]
		if err := discard(piece); err != nil {
			clear(piece) // for example locked pages; free slots must read as zeroes
		}
		if len(b) > 0 {
			runtime.Gosched()
		}
	}
}

// unmap returns every arena to the system. No slot may be in use.
func (s *slots) unmap() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.arenas) > 0 {
		last := len(s.arenas) - 1
		if err := unreserve(s.arenas[last]); err != nil {
			return err
		}
		s.arenas = s.arenas[:last]
	}
	s.warm, s.free, s.fresh = nil, nil, nil
	return nil
}

// reserveArena reserves address space for slots of the given size. It reserves less if the system refuses
// the full size (a limit on address space, strict overcommit).
func reserveArena(slotBytes int64) ([]byte, error) {
	for n := max(arenaBytes, slotBytes); ; n /= 2 {
		arena, err := reserve(n)
		if err == nil {
			return arena, nil
		}
		if n/2 < slotBytes {
			return nil, fmt.Errorf("reserve %d bytes of address space: %w", n, err)
		}
	}
}
