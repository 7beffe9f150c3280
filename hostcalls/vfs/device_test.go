package vfs

import (
	"bytes"
	"errors"
	"io"
	"syscall"
	"testing"
)

// TestDevices reads and writes the devices that only produce or consume bytes. A read-only Dir allows it too: nothing in
// the folder changes.
func TestDevices(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		d, err := OpenDir("/dev", readOnly)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		for _, c := range []struct {
			name  string
			read  int   // of 64 bytes
			zeros bool  // are they zeros
			write error // of 64 bytes
		}{
			{name: "null", zeros: true},
			{name: "zero", read: 64, zeros: true},
			{name: "full", read: 64, zeros: true, write: syscall.ENOSPC},
			{name: "random", read: 64},
			{name: "urandom", read: 64},
		} {
			if _, err := d.Lstat(c.name, false); errors.Is(err, syscall.ENOENT) {
				continue // not on every system
			}
			n, err := d.Open(c.name, How{Read: true, Write: true, Follow: true, Create: true, Truncate: true, Append: true})
			if err != nil {
				t.Errorf("open %s: %v", c.name, err)
				continue
			}
			file := n.(*File)
			defer file.Close()
			if s, err := file.Stat(); err != nil || s.Type != CharDevice || file.Type() != CharDevice {
				t.Errorf("stat %s: %+v, %v", c.name, s, err)
			}
			buf := bytes.Repeat([]byte{0}, 64)
			got, err := file.Read(buf)
			if got != c.read || err != nil || bytes.Equal(buf, make([]byte, 64)) != c.zeros {
				t.Errorf("read %s: %d, %v, %x", c.name, got, err, buf)
			}
			if _, err := file.Write(buf); !errors.Is(err, c.write) {
				t.Errorf("write %s: %v; want %v", c.name, err, c.write)
			}
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				t.Errorf("seek %s: %v", c.name, err)
			}
			if err := opened(d.Open(c.name, How{Create: true, Exclusive: true})); !errors.Is(err, syscall.EEXIST) {
				t.Errorf("create %s: %v; want EEXIST", c.name, err)
			}
			if err := opened(d.Open(c.name+"/", How{})); !errors.Is(err, syscall.ENOTDIR) {
				t.Errorf("open %s/: %v; want ENOTDIR", c.name, err)
			}
			if err := file.SetTimes(Time{}, Time{}); readOnly && !errors.Is(err, syscall.EROFS) {
				t.Errorf("set times of %s: %v; want EROFS", c.name, err)
			}
		}
	}
}
