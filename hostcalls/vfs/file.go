package vfs

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// File is an open regular file, or an open device.
type File struct {
	h        *handle
	readOnly bool
	typ      Type
	id       ID
}

// ID identifies a file among all open files.
type ID struct{ Dev, Ino uint64 }

// ID returns the file's ID.
func (f *File) ID() ID { return f.id }

// Type returns Regular or CharDevice.
func (f *File) Type() Type { return f.typ }

// Close closes the file. It does not wait for running operations.
func (f *File) Close() error { return errno(f.h.Close()) }

// Stat returns the file's attributes.
func (f *File) Stat() (Stat, error) { return f.h.stat() }

// Read reads from the file's offset and advances it. Zero bytes for a non-empty p mean the end of the file.
func (f *File) Read(p []byte) (int, error) { return transferred(f.h.Read(p)) }

// Write writes at the file's offset, or with Append at its end, and advances the offset. If it writes fewer bytes
// than len(p), it returns no error; the next Write does.
func (f *File) Write(p []byte) (int, error) { return transferred(f.h.Write(p)) }

// ReadAt reads from the offset off.
func (f *File) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	return transferred(f.h.ReadAt(p, off))
}

// WriteAt writes at the offset off. With Append the effect depends on the system: Linux appends.
func (f *File) WriteAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, syscall.EINVAL
	}
	n := 0
	err := f.h.control(func(fd int) error { // os.File.WriteAt refuses files in append mode
		return retry(func() error {
			for n < len(p) {
				m, err := unix.Pwrite(fd, p[n:], off+int64(n))
				if err != nil {
					return err
				}
				n += m
			}
			return nil
		})
	})
	return transferred(n, err)
}

// Append writes at the end of the file, whether or not it was opened with Append. It does not use the offset.
func (f *File) Append(p []byte) (int, error) {
	if f.typ != Regular {
		return f.Write(p)
	}
	n := 0
	err := f.h.control(func(fd int) error {
		return retry(func() error {
			for n < len(p) {
				m, err := appendTo(fd, p[n:])
				if err != nil {
					return err
				}
				n += m
			}
			return nil
		})
	})
	return transferred(n, err)
}

// transferred turns a short transfer into a success, and the end of a file into zero bytes without an error.
func transferred(n int, err error) (int, error) {
	if n > 0 || errors.Is(err, io.EOF) {
		return max(n, 0), nil
	}
	return 0, errno(err)
}

// Seek moves the offset; whence is one of io.SeekStart, io.SeekCurrent and io.SeekEnd.
func (f *File) Seek(off int64, whence int) (int64, error) {
	n, err := f.h.Seek(off, whence)
	return n, errno(err)
}

// Tell returns the offset. It does not block.
func (f *File) Tell() (int64, error) { return f.Seek(0, io.SeekCurrent) }

// Truncate makes the file size bytes long.
func (f *File) Truncate(size int64) error {
	if err := f.mutable(); err != nil {
		return err
	}
	return errno(f.h.Truncate(size))
}

// Allocate reserves space for n bytes from off, and extends the file if it is shorter. It fails with ENOTSUP if
// the file system can't.
func (f *File) Allocate(off, n int64) error {
	if err := f.mutable(); err != nil {
		return err
	}
	return f.h.control(func(fd int) error {
		return retry(func() error { return allocate(fd, off, n) })
	})
}

// Advice says how the contents of a file will be used.
type Advice uint8

// The advice there is.
const (
	Normal Advice = iota
	Sequential
	Random
	WillNeed
	DontNeed
	NoReuse
)

// Advise tells the system how n bytes from off will be used. Zero means up to the end.
func (f *File) Advise(off, n int64, advice Advice) error {
	if off < 0 || n < 0 {
		return syscall.EINVAL
	}
	return f.h.control(func(fd int) error { return advise(fd, off, n, advice) })
}

// SetAppend changes whether each write goes to the end of the file.
func (f *File) SetAppend(on bool) error {
	return f.h.control(func(fd int) error {
		flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
		if err != nil {
			return err
		}
		flags &^= unix.O_APPEND
		if on {
			flags |= unix.O_APPEND
		}
		_, err = unix.FcntlInt(uintptr(fd), unix.F_SETFL, flags)
		return err
	})
}

// SetTimes sets the file's times.
func (f *File) SetTimes(atime, mtime Time) error {
	if err := f.mutable(); err != nil {
		return err
	}
	return f.h.control(func(fd int) error { return setTimes(fd, atime, mtime) })
}

// Sync waits until data and metadata are stored.
func (f *File) Sync() error { return errno(f.h.Sync()) }

// DataSync waits until the data are stored.
func (f *File) DataSync() error { return f.h.dataSync() }

// mutable refuses changes other than writes to a read-only file. Writes are refused by the way it was opened.
func (f *File) mutable() error {
	if f.readOnly {
		return syscall.EROFS
	}
	return nil
}

func (h *handle) dataSync() error {
	return h.control(func(fd int) error {
		return retry(func() error { return dataSync(fd) })
	})
}
