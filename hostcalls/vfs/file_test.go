package vfs

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestFile(t *testing.T) {
	f := newFixture(t, false)
	file := f.open("file", How{Read: true, Write: true, Create: true})
	transfer := func(what string, want int, n int, err error) {
		t.Helper()
		if n != want || err != nil {
			t.Fatalf("%s: %d, %v; want %d", what, n, err, want)
		}
	}
	n, err := file.Write([]byte("hello, world"))
	transfer("write", 12, n, err)
	n, err = file.WriteAt([]byte("HELLO"), 0)
	transfer("write at", 5, n, err)
	if off, err := file.Tell(); off != 12 || err != nil {
		t.Errorf("tell: %d, %v", off, err)
	}
	buf := make([]byte, 20)
	n, err = file.Read(buf)
	transfer("read at the end", 0, n, err)
	n, err = file.ReadAt(buf, 7)
	transfer("read at, beyond the end", 5, n, err)
	n, err = file.ReadAt(buf, 100)
	transfer("read at, past the end", 0, n, err)
	if off, err := file.Seek(-12, io.SeekEnd); off != 0 || err != nil {
		t.Errorf("seek: %d, %v", off, err)
	}
	n, err = file.Read(buf)
	transfer("read", 12, n, err)
	if got := string(buf[:n]); got != "HELLO, world" {
		t.Errorf("content %q", got)
	}
	for name, err := range map[string]error{
		"seek before the start": second(file.Seek(-1, io.SeekStart)),
		"read at -1":            second(file.ReadAt(buf, -1)),
		"write at -1":           second(file.WriteAt(buf, -1)),
		"truncate to -1":        file.Truncate(-1),
		"allocate nothing":      file.Allocate(0, 0),
		"advise -1":             file.Advise(-1, 0, Normal),
	} {
		if !errors.Is(err, syscall.EINVAL) && !errors.Is(err, syscall.ENOTSUP) {
			t.Errorf("%s: %v; want EINVAL", name, err)
		}
	}
	f.must(file.Truncate(3))
	f.must(file.Advise(0, 0, WillNeed))
	f.must(file.Sync())
	f.must(file.DataSync())
	if err := file.Allocate(0, 10); err == nil {
		if s, err := file.Stat(); err != nil || s.Size != 10 || s.Type != Regular || s.Nlink != 1 {
			t.Errorf("after allocate: %+v, %v", s, err)
		}
	} else if !errors.Is(err, syscall.ENOTSUP) {
		t.Errorf("allocate: %v", err)
	}
	at := time.Unix(7, 8000)
	f.must(file.SetTimes(At(at), Time{}))
	if s, err := file.Stat(); err != nil || s.Atime != at.UnixNano() || s.Mtime == at.UnixNano() {
		t.Errorf("after set times: %+v, %v", s, err)
	}
}

func second[T any](_ T, err error) error { return err }

func TestWays(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "content")
	buf := make([]byte, 7)
	r := f.open("file", How{Read: true})
	if _, err := r.Write(buf); !errors.Is(err, syscall.EBADF) {
		t.Errorf("write to what is open for reading: %v", err)
	}
	w := f.open("file", How{Write: true})
	if _, err := w.Read(buf); !errors.Is(err, syscall.EBADF) {
		t.Errorf("read from what is open for writing: %v", err)
	}
	f.open("file", How{Truncate: true})
	if s, err := r.Stat(); err != nil || s.Size != 0 {
		t.Errorf("after truncation: %+v, %v", s, err)
	}
}

func TestAppend(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "one ")
	file := f.open("file", How{Read: true, Write: true, Append: true})
	write := func(s string) {
		t.Helper()
		if _, err := file.Seek(0, io.SeekStart); err != nil {
			t.Fatal(err)
		}
		if n, err := file.Write([]byte(s)); n != len(s) || err != nil {
			t.Fatalf("write: %d, %v", n, err)
		}
	}
	write("two ")
	f.must(file.SetAppend(false))
	write("ONE")
	f.must(file.SetAppend(true))
	write("three")
	if _, err := file.WriteAt([]byte("!"), 0); err != nil {
		t.Errorf("write at: %v", err)
	}
	got, err := os.ReadFile(filepath.Join(f.granted, "file"))
	f.must(err)
	if !strings.HasPrefix(string(got), "ONE two three") && !strings.HasPrefix(string(got), "!NE two three") {
		t.Errorf("content %q", got)
	}
}

// TestOnlyFilesAndFolders opens files that could block or have effects: a FIFO without a writer, one with a writer, a
// socket, devices. None of these may hang.
func TestOnlyFilesAndFolders(t *testing.T) {
	f := newFixture(t, false)
	f.must(syscall.Mkfifo(filepath.Join(f.granted, "fifo"), 0o666))
	l, err := net.Listen("unix", filepath.Join(f.granted, "socket"))
	f.must(err)
	defer l.Close()
	dev, err := OpenDir("/dev", false)
	f.must(err)
	defer dev.Close()
	for _, c := range []struct {
		dir  *Dir
		path string
		typ  Type
	}{
		{f.dir, "fifo", FIFO},
		{f.dir, "socket", Socket},
		{dev, "tty", CharDevice},
		{dev, "ptmx", CharDevice},
	} {
		for _, how := range []How{
			{Read: true},
			{Write: true},
			{Read: true, Write: true},
			{Write: true, Create: true, Truncate: true, Follow: true},
		} {
			if err := opened(c.dir.Open(c.path, how)); !errors.Is(err, syscall.ENOTSUP) {
				t.Errorf("open %s %+v: %v; want ENOTSUP", c.path, how, err)
			}
		}
		if s, err := c.dir.Lstat(c.path, true); err != nil || s.Type != c.typ {
			t.Errorf("stat %s: %+v, %v; want type %v", c.path, s, err, c.typ)
		}
	}
	// The file that is there when it is opened, after the check has seen another.
	err = f.dir.at(place{name: "fifo"}, func(dirfd int, _ string) error {
		_, err := f.dir.openFile(place{name: "fifo"}, dirfd, How{Read: true}, Regular)
		return err
	})
	if !errors.Is(err, errSwapped) {
		t.Errorf("open of a FIFO for a file: %v", err)
	}
}

// TestNoSpace: the device that is always full.
func TestNoSpace(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip(err)
	}
	h, err := newHandle(full)
	if err != nil {
		t.Fatal(err)
	}
	file := &File{h: h}
	defer file.Close()
	if n, err := file.Write(make([]byte, 10)); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write: %d, %v; want ENOSPC", n, err)
	}
	if n, err := file.WriteAt(make([]byte, 10), 0); n != 0 || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("write at: %d, %v; want ENOSPC", n, err)
	}
}
