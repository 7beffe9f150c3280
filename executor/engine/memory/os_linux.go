package memory

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// reserve reserves n bytes of address space that read as zeroes. Pages exist from their first write on.
// Huge pages are off: with them a guest that touches a few bytes would take 2 MiB.
func reserve(n int64) ([]byte, error) {
	b, err := unix.Mmap(-1, 0, int(n), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE)
	if err != nil {
		return nil, err
	}
	// EINVAL: a kernel without huge pages.
	if err := unix.Madvise(b, unix.MADV_NOHUGEPAGE); err != nil && err != unix.EINVAL {
		return nil, errors.Join(err, unix.Munmap(b))
	}
	// Parts of a mapping that were together when its first page was made can be joined again after an image was mapped
	// between them (TestMappingsAreGivenBack). Parts that get their first pages on their own can't.
	b[0] = 0
	_ = discard(b[:os.Getpagesize()]) // else one page stays
	return b, nil
}

func unreserve(b []byte) error { return unix.Munmap(b) }

// discard returns the pages of b to the system. b reads as zeroes from then on.
func discard(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	return unix.Madvise(b, unix.MADV_DONTNEED)
}
