package memory

import (
	"encoding/binary"
	"os"
	"unsafe"
)

// pageTable tells which pages of the process exist. (https://docs.kernel.org/admin-guide/mm/pagemap.html)
type pageTable struct {
	file    *os.File     // nil: it can't be read here
	scanner *pageScanner // nil: the system has none
}

func openPageTable() pageTable {
	file, err := os.Open("/proc/self/pagemap")
	if err != nil {
		return pageTable{}
	}
	t := pageTable{file: file}
	if !t.works() {
		_ = t.close() // it was opened for reading only
		return pageTable{}
	}
	t.scanner = newPageScanner(file)
	return t
}

// works reports whether the table is that of this process. An emulator of another processor may show its own.
func (t pageTable) works() bool {
	page := os.Getpagesize()
	b, err := reserve(int64(3 * page))
	if err != nil {
		return false
	}
	defer func() { _ = unreserve(b) }() // it was mapped as it is
	b[page] = 1
	var pages [3]bool
	return t.touched(unsafe.Pointer(unsafe.SliceData(b)), int64(page), pages[:]) && pages == [3]bool{false, true, false}
}

// touched sets which pages from base on are in memory or swapped out. It returns false if that is not known.
func (t pageTable) touched(base unsafe.Pointer, page int64, pages []bool) bool {
	const entry, present, swapped = 8, 1 << 63, 1 << 62
	var entries [seenPages * entry]byte
	in := entries[:len(pages)*entry]
	if t.file == nil {
		return false
	}
	if _, err := t.file.ReadAt(in, int64(uintptr(base))/page*entry); err != nil {
		return false
	}
	for i := range pages {
		pages[i] = binary.NativeEndian.Uint64(in[i*entry:])&(present|swapped) != 0
	}
	return true
}

// clear clears the n bytes from base on if few pages of them were written. It returns false if there are many, or that is not
// known.
func (t pageTable) clear(base unsafe.Pointer, n int64) bool {
	return t.scanner != nil && t.scanner.clear(base, n)
}

func (t pageTable) close() error {
	if t.file == nil {
		return nil
	}
	return t.file.Close()
}
