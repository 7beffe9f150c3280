package memory

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// imageFile is a sealed file in memory: nobody can write, shorten or lengthen it.
type imageFile struct {
	fd      int
	content []byte // mapped for reading
}

// create makes the file, of a size in whole pages. write writes its content, which begins as zeroes.
func (f *imageFile) create(size int64, write func(content []byte)) (err error) {
	f.fd, err = unix.MemfdCreate("reactord-image", unix.MFD_CLOEXEC|unix.MFD_ALLOW_SEALING)
	if err != nil {
		return fmt.Errorf("make a file in memory: %w", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(fmt.Errorf("make a file of %d bytes in memory: %w", size, err), f.close())
		}
	}()
	if err := unix.Ftruncate(f.fd, size); err != nil {
		return err
	}
	content, err := unix.Mmap(f.fd, 0, int(size), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return err
	}
	write(content)
	if err := unix.Munmap(content); err != nil {
		return err
	}
	seals := unix.F_SEAL_WRITE | unix.F_SEAL_SHRINK | unix.F_SEAL_GROW | unix.F_SEAL_SEAL
	if _, err := unix.FcntlInt(uintptr(f.fd), unix.F_ADD_SEALS, seals); err != nil {
		return err
	}
	f.content, err = unix.Mmap(f.fd, 0, int(size), unix.PROT_READ, unix.MAP_SHARED)
	return err
}

func (f *imageFile) close() error {
	var err error
	if f.content != nil {
		err = unix.Munmap(f.content)
	}
	return errors.Join(err, unix.Close(f.fd))
}

// lay maps the image over a memory that begins at base and was not touched yet. After an error parts may be mapped.
func (m *Image) lay(base *byte) error {
	for _, e := range m.extents {
		_, err := unix.MmapPtr(m.file.fd, e.at, unsafe.Add(unsafe.Pointer(base), e.start), uintptr(e.bytes()),
			unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_FIXED|unix.MAP_NORESERVE)
		if err != nil {
			return err
		}
	}
	return nil
}

// lift replaces what lay has mapped by pages of zeroes, as reserve makes them.
func (m *Image) lift(base *byte) error {
	for _, e := range m.extents {
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
