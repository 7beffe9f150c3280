package memory

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// imageFile is a sealed file in memory: nobody can write, shorten or lengthen it.
type imageFile struct {
	file    *os.File
	content []byte // mapped for reading
}

// create makes a file of a size in whole pages, with pieces at their offsets and zeroes elsewhere. All its pages exist
// from then on, so that nobody who reads a gap can make it larger, or be killed because there is no room for it.
//
// The bytes go through system calls. To copy them would keep the Go runtime from stopping the world meanwhile.
func (f *imageFile) create(size int64, pieces iter.Seq2[int64, []byte]) (err error) {
	fd, err := createSealable("reactord-image")
	if err != nil {
		return fmt.Errorf("make a file in memory: %w", err)
	}
	f.file = os.NewFile(uintptr(fd), "image")
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a file of %d bytes in memory: %w", size, err), f.close())
		}
	}()
	if err := allocate(fd, size); err != nil {
		return err
	}
	for at, b := range pieces {
		if _, err := f.file.WriteAt(b, at); err != nil {
			return err
		}
	}
	const seals = unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	// Private, since before 6.7 the kernel has no shared mappings of what is sealed, not even for reading.
	f.content, err = unix.Mmap(fd, 0, int(size), unix.PROT_READ, unix.MAP_PRIVATE)
	return err
}

// createSealable creates a file in memory. Where the system does not know files that can't be executed (before 6.3), it is
// one that could.
func createSealable(name string) (fd int, err error) {
	fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_NOEXEC_SEAL)
	if errors.Is(err, unix.EINVAL) {
		fd, err = unix.MemfdCreate(name, unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	}
	return fd, err
}

// allocate makes all pages of a file.
func allocate(fd int, size int64) error {
	const piece = 16 << 20 // a signal undoes no more than that
	for at := int64(0); at < size; {
		n := min(piece, size-at)
		switch err := unix.Fallocate(fd, 0, at, n); {
		case err == nil:
			at += n
		case !errors.Is(err, unix.EINTR):
			return err
		}
	}
	return nil
}

func (f *imageFile) close() error {
	var err error
	if f.content != nil {
		err = unix.Munmap(f.content)
	}
	return errors.Join(err, f.file.Close())
}

// lay maps the image over a memory that begins at base and was not touched yet. After an error the memory is as it was,
// unless lost is set: then it has parts of the image.
func (m *Image) lay(base *byte) (lost bool, err error) {
	for i, e := range m.extents {
		_, err := unix.MmapPtr(int(m.file.file.Fd()), e.at, unsafe.Add(unsafe.Pointer(base), e.start), uintptr(e.bytes()),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
		if err != nil {
			// Others are not touched: that could take more mappings than there may be.
			return lift(base, m.extents[:i]) != nil, err
		}
	}
	return false, nil
}

// lift replaces what lay has mapped by pages of zeroes, as reserve makes them.
func (m *Image) lift(base *byte) error { return lift(base, m.extents) }

func lift(base *byte, extents []extent) error {
	for _, e := range extents {
		at := unsafe.Add(unsafe.Pointer(base), e.start)
		_, err := unix.MmapPtr(-1, 0, at, uintptr(e.bytes()), unix.PROT_READ|unix.PROT_WRITE,
			unix.MAP_ANON|unix.MAP_PRIVATE|unix.MAP_NORESERVE|unix.MAP_FIXED)
		if err != nil {
			return err
		}
		// As in reserve. With the same advice the kernel joins the mapping with its neighbours.
		err = unix.Madvise(unsafe.Slice((*byte)(at), e.bytes()), unix.MADV_NOHUGEPAGE)
		if err != nil && !errors.Is(err, unix.EINVAL) {
			return err
		}
	}
	return nil
}

// keptMappings are left to the Go runtime, to machine code and to the store.
const keptMappings = 16 << 10

// mostMappings returns how many mappings images may take.
func mostMappings() int64 {
	const usual = 65_530
	most := int64(usual)
	if text, err := os.ReadFile("/proc/sys/vm/max_map_count"); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil {
			most = n
		}
	}
	return max(0, most-keptMappings)
}

// mostImages returns how many images there may be. Each has a descriptor and a mapping of its own; modules must not take
// those that the process needs for its store and for clients.
func mostImages() int64 {
	const part, most = 16, keptMappings / 4
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int64(min(limit.Cur/part, most))
}
