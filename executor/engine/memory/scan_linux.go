package memory

import (
	"os"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// pageScanner finds pages that exist by PAGEMAP_SCAN, which Linux has since 6.7. It skips what has no page table.
// (https://docs.kernel.org/admin-guide/mm/pagemap.html)
type pageScanner struct {
	fd   uintptr // of the page table
	idle sync.Pool
}

// pageScan is one call. It is on the heap, since the system gets its address as a number.
type pageScan struct {
	arg     scanArgument
	regions [wipedPages]pageRegion
}

// scanArgument is struct pm_scan_arg.
type scanArgument struct {
	size, flags         uint64
	start, end, walkEnd uint64
	regions, regionsLen uint64
	maxPages            uint64
	inverted, all, any  uint64 // categories of the pages that are looked for
	told                uint64
}

// pageRegion is struct page_region.
type pageRegion struct{ start, end, _ uint64 }

// newPageScanner returns nil if the system can't do it.
func newPageScanner(table *os.File) *pageScanner {
	s := &pageScanner{fd: table.Fd(), idle: sync.Pool{New: func() any { return new(pageScan) }}}
	if !s.works() {
		return nil
	}
	return s
}

// works reports whether the right page of three is cleared.
func (s *pageScanner) works() bool {
	page := os.Getpagesize()
	b, err := reserve(int64((wipedPages + 2) * page))
	if err != nil {
		return false
	}
	defer func() { _ = unreserve(b) }() // it was mapped as it is
	b[page], b[2*page] = 1, 1
	base := unsafe.Pointer(unsafe.SliceData(b))
	if !s.clear(base, int64(len(b))) || b[page] != 0 || b[2*page] != 0 {
		return false
	}
	for at := 0; at < len(b); at += page {
		b[at] = 1
	}
	return !s.clear(base, int64(len(b)))
}

// clear clears the n bytes from base on, if at most wipedPages of them have been written.
func (s *pageScanner) clear(base unsafe.Pointer, n int64) bool {
	const (
		command                     = 0xc0606610
		present, swapped, zeroPages = 1 << 3, 1 << 4, 1 << 5
	)
	scan := s.idle.Get().(*pageScan)
	defer s.idle.Put(scan)
	start := uint64(uintptr(base))
	scan.arg = scanArgument{
		size: uint64(unsafe.Sizeof(scan.arg)), start: start, end: start + uint64(n),
		regions: uint64(uintptr(unsafe.Pointer(&scan.regions))), regionsLen: wipedPages, maxPages: wipedPages,
		inverted: zeroPages, all: zeroPages, any: present | swapped, told: present,
	}
	found, _, errno := unix.Syscall(unix.SYS_IOCTL, s.fd, command, uintptr(unsafe.Pointer(&scan.arg)))
	if errno != 0 || scan.arg.walkEnd != scan.arg.end || found > wipedPages {
		return false
	}
	for _, r := range scan.regions[:found] {
		clear(unsafe.Slice((*byte)(unsafe.Add(base, r.start-start)), r.end-r.start))
	}
	return true
}
