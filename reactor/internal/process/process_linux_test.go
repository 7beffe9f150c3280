package process

import (
	"testing"

	"golang.org/x/sys/unix"
)

// TestFilesInMemoryCountOnce: not as often as they are mapped.
func TestFilesInMemoryCountOnce(t *testing.T) {
	const size, mappings = 16 << 20, 8
	fd, err := unix.MemfdCreate("test", unix.MFD_CLOEXEC)
	if err != nil {
		t.Skip(err)
	}
	defer func() { _ = unix.Close(fd) }()
	if err := unix.Ftruncate(fd, size); err != nil {
		t.Fatal(err)
	}
	var reader MemoryReader
	before := reader.Read(0)
	for range mappings {
		view, err := unix.Mmap(fd, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = unix.Munmap(view) }()
		for at := 0; at < size; at += 4096 {
			view[at]++
		}
	}
	after := reader.Read(size)
	if grown := int64(after.Resident - before.Resident); grown < size/2 || grown > 2*size {
		t.Errorf("the resident memory grew by %d bytes for a file of %d", grown, size)
	}
	if after.Peak < after.Resident {
		t.Errorf("the peak %d is below the resident %d", after.Peak, after.Resident)
	}
}
