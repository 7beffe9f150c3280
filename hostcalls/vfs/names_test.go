package vfs

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestNames is the error (or success) of each operation on each kind of name, one fresh folder each:
//
//	file, empty/, full/ with full/file, link -> file, dirlink -> full, dangling -> missing,
//	loop -> loop, fifo
func TestNames(t *testing.T) {
	var ok error
	const (
		exist   = syscall.EEXIST
		inval   = syscall.EINVAL
		isdir   = syscall.EISDIR
		loop    = syscall.ELOOP
		noent   = syscall.ENOENT
		notdir  = syscall.ENOTDIR
		noempty = syscall.ENOTEMPTY
		notsup  = syscall.ENOTSUP
		perm    = syscall.EPERM
		toolong = syscall.ENAMETOOLONG
	)
	open := func(how How) func(*Dir, string) error {
		return func(d *Dir, path string) error { return opened(d.Open(path, how)) }
	}
	stat := func(follow bool) func(*Dir, string) error {
		return func(d *Dir, path string) error { _, err := d.Lstat(path, follow); return err }
	}
	long := strings.Repeat("x", 256)
	for _, c := range []struct {
		name string
		op   func(d *Dir, path string) error
		want map[string]error
	}{
		{"open", open(How{Read: true}), map[string]error{
			"": noent, ".": ok, "./": ok, "file": ok, "file/": notdir, "file/.": notdir, "file/..": notdir,
			"file/x": notdir, "full": ok, "full/": ok, "full//.//./": ok, "full/..": ok, "full/../file": ok,
			"full/file": ok, "missing": noent, "missing/": noent, "missing/x": noent, "missing/..": noent,
			"link": loop, "link/": notdir, "dirlink": loop, "dirlink/": ok, "dirlink/file": ok, "dirlink/..": ok,
			"dangling": loop, "loop": loop, "loop/": loop, "loop/x": loop, "fifo": notsup, "fifo/": notdir,
			"fi\x00le": inval, long: toolong, "full/" + long: toolong, strings.Repeat("./", 2047): ok,
		}},
		{"open following", open(How{Read: true, Follow: true}), map[string]error{
			"link": ok, "link/": notdir, "dirlink": ok, "dangling": noent, "dangling/": noent, "loop": loop,
		}},
		{"open for writing", open(How{Write: true, Follow: true}), map[string]error{
			"file": ok, "link": ok, "full": isdir, ".": isdir, "dirlink": isdir, "missing": noent, "fifo": notsup,
		}},
		{"open folder", open(How{Folder: true, Follow: true}), map[string]error{
			"file": notdir, "full": ok, ".": ok, "link": notdir, "dirlink": ok, "missing": noent, "fifo": notdir,
		}},
		{"open folder for writing", open(How{Folder: true, Write: true}), map[string]error{
			".": isdir, "full": isdir, "file": notdir,
		}},
		{"create", open(How{Write: true, Create: true}), map[string]error{
			"file": ok, "new": ok, "new/": isdir, "full": isdir, "full/": isdir, "full/new": ok, ".": isdir,
			"missing/new": noent, "file/new": notdir, "link": loop, "dangling": loop, "fifo": notsup, long: toolong,
		}},
		{"create following", open(How{Write: true, Create: true, Follow: true}), map[string]error{
			"link": ok, "dangling": ok, "dirlink/new": ok, "loop": loop,
		}},
		{"create exclusively", open(How{Write: true, Create: true, Exclusive: true, Follow: true}), map[string]error{
			"new": ok, "file": exist, "full": exist, "link": exist, "dangling": exist, "loop": exist, "fifo": exist, ".": exist,
		}},
		{"create folder by open", open(How{Create: true, Folder: true}), map[string]error{"new": inval, "full": inval}},
		{"truncate", open(How{Truncate: true}), map[string]error{"file": ok, "full": isdir, "missing": noent, "fifo": notsup}},
		{"stat", stat(false), map[string]error{
			"": noent, ".": ok, "file": ok, "file/": notdir, "full/": ok, "link": ok, "link/": notdir,
			"dirlink": ok, "dirlink/": ok, "dangling": ok, "dangling/": noent, "loop": ok, "loop/": loop, "fifo": ok, "missing": noent,
		}},
		{"stat following", stat(true), map[string]error{"link": ok, "dangling": noent, "loop": loop, "dirlink": ok}},
		{"set times", func(d *Dir, p string) error { return d.SetTimesOf(p, false, Now(), Now()) }, map[string]error{
			"file": ok, "full": ok, ".": ok, "link": ok, "dangling": ok, "file/": notdir, "missing": noent, "loop": ok, "loop/": loop,
		}},
		{"mkdir", func(d *Dir, p string) error { return d.Mkdir(p) }, map[string]error{
			"": noent, "new": ok, "new/": ok, "new//": ok, "full/new": ok, "full": exist, "file": exist, "file/": exist,
			".": exist, "link": exist, "dangling": exist, "missing/new": noent, "file/new": notdir, long: toolong,
		}},
		{"rmdir", func(d *Dir, p string) error { return d.Rmdir(p) }, map[string]error{
			"empty": ok, "empty/": ok, "full": noempty, "file": notdir, "file/": notdir, "missing": noent,
			"dirlink": notdir, "dirlink/": notdir, ".": inval, "empty/.": inval,
		}},
		{"unlink", func(d *Dir, p string) error { return d.Unlink(p) }, map[string]error{
			"file": ok, "file/": notdir, "full": isdir, "full/": isdir, "empty": isdir, "missing": noent, "missing/": noent,
			"link": ok, "link/": notdir, "dirlink": ok, "dirlink/": notdir, "dangling": ok, "loop": ok, "fifo": ok, ".": isdir,
		}},
		{"symlink", func(d *Dir, p string) error { return d.Symlink("target", p) }, map[string]error{
			"new": ok, "new/": noent, "file": exist, "file/": notdir, "full": exist, "full/": exist, "dangling": exist, ".": exist,
		}},
		{"readlink", func(d *Dir, p string) error { _, err := d.Readlink(p); return err }, map[string]error{
			"link": ok, "dangling": ok, "loop": ok, "link/": notdir, "file": inval, "full": inval, "full/": inval, ".": inval, "missing": noent,
		}},
		{"link from", func(d *Dir, p string) error { return d.Link(p, d, "new") }, map[string]error{
			"file": ok, "file/": notdir, "full": perm, "full/": perm, "link": ok, "dangling": ok, "missing": noent,
		}},
		{"link to", func(d *Dir, p string) error { return d.Link("file", d, p) }, map[string]error{
			"new": ok, "new/": noent, "file": exist, "full": exist, "full/": exist, "dangling": exist, "full/new": ok,
		}},
		{"rename from", func(d *Dir, p string) error { return d.Rename(p, d, "new") }, map[string]error{
			"file": ok, "file/": notdir, "full": ok, "full/": ok, "link": ok, "link/": notdir, "dangling": ok, "missing": noent,
			"missing/": noent,
		}},
		{"rename file to", func(d *Dir, p string) error { return d.Rename("file", d, p) }, map[string]error{
			"new": ok, "new/": notdir, "file": ok, "full": isdir, "empty": isdir, "link": ok, "full/file": ok, "fifo": ok,
			"missing/new": noent,
		}},
		{"rename folder to", func(d *Dir, p string) error { return d.Rename("full", d, p) }, map[string]error{
			"new": ok, "new/": ok, "empty": ok, "empty/": ok, "file": notdir, "full": ok, "full/new": inval,
		}},
	} {
		for path, want := range c.want {
			f := newFixture(t, false)
			f.hostWrite("granted/file", "content")
			f.hostMkdir("granted/empty")
			f.hostMkdir("granted/full")
			f.hostWrite("granted/full/file", "content")
			f.hostSymlink("file", "granted/link")
			f.hostSymlink("full", "granted/dirlink")
			f.hostSymlink("missing", "granted/dangling")
			f.hostSymlink("loop", "granted/loop")
			f.must(syscall.Mkfifo(filepath.Join(f.granted, "fifo"), 0o666))
			err := c.op(f.dir, path)
			if !errors.Is(err, want) {
				t.Errorf("%s %.30q: %v; want %v", c.name, path, err, want)
			}
		}
	}
}

func TestRenameMoves(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "mine")
	f.hostMkdir("granted/a/b")
	a := f.openDir("a")
	f.must(f.dir.Rename("file", a, "b/moved"))
	if got, err := os.ReadFile(filepath.Join(f.granted, "a/b/moved")); err != nil || string(got) != "mine" {
		t.Errorf("moved: %q, %v", got, err)
	}
	if _, err := f.dir.Lstat("file", false); !errors.Is(err, syscall.ENOENT) {
		t.Errorf("its old name: %v", err)
	}
}

func TestSetTimesOf(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "")
	f.hostSymlink("file", "granted/link")
	before, err := f.dir.Lstat("file", false)
	f.must(err)
	at := time.Unix(1_000_000_000, 123_456_789)
	f.must(f.dir.SetTimesOf("link", true, Time{}, At(at)))
	s, err := f.dir.Lstat("file", false)
	f.must(err)
	if s.Mtime != at.UnixNano() || s.Atime != before.Atime {
		t.Errorf("times through a link: %+v, before %+v", s, before)
	}
	f.must(f.dir.SetTimesOf("link", false, At(at), At(at.Add(time.Second))))
	l, err := f.dir.Lstat("link", false)
	f.must(err)
	if l.Atime != at.UnixNano() || l.Mtime != at.Add(time.Second).UnixNano() {
		t.Errorf("times of a link: %+v", l)
	}
	if again, err := f.dir.Lstat("file", false); err != nil || again.Mtime != s.Mtime || again.Atime != s.Atime {
		t.Errorf("the file behind it has changed: %+v, %v", again, err)
	}
	f.must(f.dir.SetTimesOf("file", false, Time{}, Now()))
	if now, _ := f.dir.Lstat("file", false); now.Mtime < before.Mtime {
		t.Errorf("now is %v", time.Unix(0, now.Mtime))
	}
}

// TestReadOnly tries every operation on a read-only Dir and on everything opened through it.
func TestReadOnly(t *testing.T) {
	f := newFixture(t, true)
	f.hostWrite("granted/file", "mine")
	f.hostMkdir("granted/folder")
	f.hostSymlink("file", "granted/link")
	rw, err := OpenDir(f.outside, false)
	f.must(err)
	defer rw.Close()
	before := tree(t, f.base)

	sub := f.openDir("folder")
	file := f.open("file", How{Read: true})
	now := At(time.Unix(1, 0))
	for name, op := range map[string]func() error{
		"create":            func() error { return opened(f.dir.Open("new", How{Create: true})) },
		"write":             func() error { return opened(f.dir.Open("file", How{Write: true})) },
		"write link":        func() error { return opened(f.dir.Open("link", How{Write: true, Follow: true})) },
		"truncate":          func() error { return opened(f.dir.Open("file", How{Truncate: true})) },
		"set times":         func() error { return f.dir.SetTimesOf("file", false, now, now) },
		"mkdir":             func() error { return f.dir.Mkdir("new") },
		"rmdir":             func() error { return f.dir.Rmdir("folder") },
		"unlink":            func() error { return f.dir.Unlink("file") },
		"symlink":           func() error { return f.dir.Symlink("x", "new") },
		"link in":           func() error { return rw.Link("secret", f.dir, "new") },
		"link out":          func() error { return f.dir.Link("file", rw, "new") },
		"rename in":         func() error { return rw.Rename("secret", f.dir, "new") },
		"rename out":        func() error { return f.dir.Rename("file", rw, "new") },
		"rename":            func() error { return f.dir.Rename("file", f.dir, "new") },
		"folder's times":    func() error { return f.dir.SetTimes(now, now) },
		"subfolder create":  func() error { return opened(sub.Open("new", How{Create: true})) },
		"subfolder mkdir":   func() error { return sub.Mkdir("new") },
		"subfolder's times": func() error { return sub.SetTimes(now, now) },
		"file's times":      func() error { return file.SetTimes(now, now) },
		"file's size":       func() error { return file.Truncate(0) },
		"allocate":          func() error { return file.Allocate(0, 10) },
	} {
		if err := op(); !errors.Is(err, syscall.EROFS) {
			t.Errorf("%s: %v; want EROFS", name, err)
		}
	}
	for name, op := range map[string]func() error{
		"write":    func() error { _, err := file.Write([]byte("x")); return err },
		"write at": func() error { _, err := file.WriteAt([]byte("x"), 0); return err },
	} {
		if err := op(); !errors.Is(err, syscall.EBADF) {
			t.Errorf("%s: %v; want EBADF", name, err)
		}
	}
	if err := opened(f.dir.Open("file", How{Create: true})); err != nil {
		t.Errorf("create what is there: %v", err)
	}
	unchanged(t, f.base, before)
}

func TestOpenDir(t *testing.T) {
	base := t.TempDir()
	file := filepath.Join(base, "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	fifo := filepath.Join(base, "fifo")
	if err := syscall.Mkfifo(fifo, 0o666); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]error{
		filepath.Join(base, "missing"): syscall.ENOENT,
		file:                           syscall.ENOTDIR,
		fifo:                           syscall.ENOTDIR,
		"":                             syscall.ENOENT,
	} {
		if _, err := OpenDir(path, false); !errors.Is(err, want) {
			t.Errorf("OpenDir(%q): %v; want %v", path, err, want)
		}
	}
}

func TestClosed(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "mine")
	file := f.open("file", How{Read: true})
	f.must(file.Close())
	f.must(f.dir.Close())
	for name, err := range map[string]error{
		"close":        f.dir.Close(),
		"open":         opened(f.dir.Open("file", How{})),
		"open deeper":  opened(f.dir.Open("a/file", How{})),
		"list":         f.dir.List(0, func(Entry) bool { return true }),
		"file close":   file.Close(),
		"file sync":    file.Sync(),
		"file advise":  file.Advise(0, 0, Normal),
		"file seek":    func() error { _, err := file.Tell(); return err }(),
		"file read at": func() error { _, err := file.ReadAt(make([]byte, 1), 0); return err }(),
	} {
		if !errors.Is(err, syscall.EBADF) {
			t.Errorf("%s: %v; want EBADF", name, err)
		}
	}
}
