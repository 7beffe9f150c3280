package vfs

import (
	"bytes"
	"encoding/binary"
	"io"
	"sync"

	"golang.org/x/sys/unix"
)

// listing lists a folder with getdents64, whose entries each have a cookie for lseek, so that no entry needs to
// be kept between calls.
type listing struct {
	sync.Mutex
	pos uint64 // the descriptor's current cookie
}

// listBuffer is the size of the buffer for getdents64.
const listBuffer = 8 << 10

func (l *listing) list(_ *handle, fd int, cookie uint64, yield func(Entry) bool) error {
	if cookie != l.pos {
		if _, err := unix.Seek(fd, int64(cookie), io.SeekStart); err != nil {
			return err
		}
	}
	l.pos = ^uint64(0) // no cookie: the position is unknown until the end
	var buf [listBuffer]byte
	for {
		var n int
		err := retry(func() (err error) {
			n, err = unix.Getdents(fd, buf[:])
			return err
		})
		if err != nil {
			return err
		}
		if n == 0 {
			l.pos = cookie
			return nil
		}
		for rest := buf[:n]; len(rest) > 0; {
			var e Entry
			e, rest = nextEntry(rest)
			if e.Type == Unknown {
				e.Type = typeAt(fd, string(e.Name))
			}
			if !yield(e) {
				return nil
			}
			cookie = e.Next
		}
	}
}

// nextEntry decodes the first struct linux_dirent64 (getdents64(2)) in buf.
func nextEntry(buf []byte) (e Entry, rest []byte) {
	const header = 19 // d_ino u64, d_off s64, d_reclen u16, d_type u8; then the name, NUL-terminated
	ne := binary.NativeEndian
	length := ne.Uint16(buf[16:])
	name := buf[header:length]
	if end := bytes.IndexByte(name, 0); end >= 0 {
		name = name[:end]
	}
	return Entry{
		Name: name,
		Ino:  ne.Uint64(buf),
		Next: ne.Uint64(buf[8:]),
		Type: typeOf(uint64(buf[18]) << 12), // DT_* are the S_IF* shifted
	}, buf[length:]
}
