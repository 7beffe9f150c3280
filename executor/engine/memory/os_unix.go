//go:build unix && !linux

package memory

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// reserve reserves n bytes of address space that read as zeroes. Pages exist from their first write on.
func reserve(n int64) ([]byte, error) {
	return unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
}

func unreserve(b []byte) error { return unix.Munmap(b) }

// discard returns the pages of b to the system. b reads as zeroes from then on. Only Linux guarantees that
// for MADV_DONTNEED, so the range is mapped again.
func discard(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	at := unsafe.Pointer(unsafe.SliceData(b))
	got, err := unix.MmapPtr(-1, 0, at, uintptr(len(b)), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE|unix.MAP_FIXED)
	if err == nil && got != at {
		err = fmt.Errorf("mapped at %p instead of %p", got, at)
	}
	return err
}
