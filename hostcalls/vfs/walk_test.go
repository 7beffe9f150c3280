package vfs

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// walkTo returns the inode of the folder a path leads to.
func walkTo(d *Dir, path string) (ino uint64, err error) {
	err = d.h.control(func(root int) error {
		fd, err := walk(root, path)
		if err != nil {
			return err
		}
		if fd != root {
			defer func() { _ = unix.Close(fd) }()
		}
		s, err := fstat(fd)
		ino = s.Ino
		return err
	})
	return ino, err
}

// TestWalkAgainstRoot walks paths at random, through folders, files and links at random, and compares
// where they lead with what os.Root finds.
func TestWalkAgainstRoot(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c", "..", "."}
	path := func(most int) string {
		parts := make([]string, 1+rng.IntN(most))
		for i := range parts {
			parts[i] = names[rng.IntN(len(names))]
		}
		return strings.Join(parts, "/")
	}
	for range 10 {
		f := newFixture(t, false)
		root, err := os.OpenRoot(f.granted)
		f.must(err)
		defer root.Close()
		for range 60 { // names that exist already, or whose folder does not, are skipped
			name := filepath.Join(f.granted, filepath.Clean("/"+path(4)))
			switch rng.IntN(6) {
			case 0:
				_ = os.WriteFile(name, nil, 0o666)
			case 1, 2:
				_ = os.Symlink(path(4), name)
			case 3:
				_ = os.Symlink([]string{"/", f.outside, "../outside", "../granted"}[rng.IntN(4)], name)
			default:
				_ = os.MkdirAll(name, 0o777)
			}
		}
		in, refused := 0, 0
		for range 300 {
			path := path(8)
			ino, err := walkTo(f.dir, path)
			var want string
			info, wantErr := root.Stat(path + "/.")
			switch no := (syscall.Errno)(0); {
			case wantErr == nil:
				in++
				want = fmt.Sprint(info.Sys().(*syscall.Stat_t).Ino)
			case errors.As(wantErr, &no):
				refused++
				want = no.Error()
			default:
				refused++
				want = ErrEscapes.Error()
			}
			got := fmt.Sprint(ino)
			if err != nil {
				got = err.Error()
			}
			if got != want && !errors.Is(wantErr, syscall.ELOOP) { // os.Root follows eight links
				t.Errorf("%s leads to %s, by os.Root to %s (%v)", path, got, want, wantErr)
			}
		}
		if in == 0 || refused == 0 {
			t.Errorf("%d paths led somewhere, %d were refused", in, refused)
		}
	}
}

func TestWalkBounds(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/a/" + strings.Repeat("b/", 100))
	f.hostSymlink("a", "granted/l0")
	for i := range 50 {
		f.hostSymlink(fmt.Sprintf("l%d", i), fmt.Sprintf("granted/l%d", i+1))
	}
	f.hostSymlink(strings.Repeat("./a/../", 500)+"a", "granted/long")
	f.hostSymlink(strings.Repeat("long/../", 500)+"a", "granted/longer")
	deep := "a/" + strings.Repeat("b/", 100)
	for path, want := range map[string]error{
		fmt.Sprintf("l%d", maxLinks-1):         nil,
		fmt.Sprintf("l%d", maxLinks):           syscall.ELOOP,
		"l30/../l30":                           syscall.ELOOP,
		strings.Repeat("a/../", 800):           nil,
		deep + strings.Repeat("../b/", 30):     nil,
		deep + strings.Repeat("../b/", 700):    syscall.ENAMETOOLONG, // each starts again from the top
		"long":                                 nil,
		strings.Repeat("long/../", 7) + "long": nil,
		strings.Repeat("long/../", 9) + "long": syscall.ENAMETOOLONG, // too many steps
		"longer":                               syscall.ENAMETOOLONG,
	} {
		if _, err := walkTo(f.dir, path); !errors.Is(err, want) {
			t.Errorf("%.30s: %v; want %v", path, err, want)
		}
	}
}

// TestSearchOnly uses a folder that may be searched and written to but not read, as a drop box is.
func TestSearchOnly(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/box/in")
	f.hostWrite("granted/box/in/file", "content")
	f.hostWrite("granted/mine", "mine")
	f.hostSymlink("in/file", "granted/box/link")
	f.hostSymlink("box/in", "granted/in")
	f.restrict("granted/box", 0o300)
	asUser(t, f.granted, func() {
		if err := opened(f.dir.Open("box", How{Folder: true, List: true})); !errors.Is(err, syscall.EACCES) {
			t.Errorf("open for listing: %v; want EACCES", err)
		}
		n, err := f.dir.Open("box", How{Folder: true})
		if err != nil {
			t.Fatal(err)
		}
		box := n.(*Dir)
		defer box.Close()
		if err := box.List(0, func(Entry) bool { return true }); !errors.Is(err, syscall.EACCES) {
			t.Errorf("list: %v; want EACCES", err)
		}
		for _, in := range []struct {
			dir    *Dir
			prefix string
		}{{f.dir, "box/"}, {box, ""}, {f.dir, "box/in/../"}} {
			for _, step := range []struct {
				what string
				op   func(d *Dir, p string) error
			}{
				{"stat", func(d *Dir, p string) error { return second(d.Lstat(p+"in/file", false)) }},
				{"stat by link", func(d *Dir, p string) error { return second(d.Lstat(p+"link", true)) }},
				{"readlink", func(d *Dir, p string) error { return second(d.Readlink(p + "link")) }},
				{"open", func(d *Dir, p string) error { return opened(d.Open(p+"link", How{Read: true, Follow: true})) }},
				{"open folder", func(d *Dir, p string) error { return opened(d.Open(p+"in", How{Folder: true, List: true})) }},
				{"create", func(d *Dir, p string) error { return opened(d.Open(p+"new", How{Write: true, Create: true})) }},
				{"set times", func(d *Dir, p string) error { return d.SetTimesOf(p+"new", false, Now(), Now()) }},
				{"link", func(d *Dir, p string) error { return d.Link(p+"new", f.dir, "copy") }},
				{"rename out", func(d *Dir, p string) error { return d.Rename(p+"new", f.dir, "copy2") }},
				{"rename in", func(d *Dir, p string) error { return f.dir.Rename("copy", d, p+"new") }},
				{"symlink", func(d *Dir, p string) error { return d.Symlink("in", p+"link2") }},
				{"mkdir", func(d *Dir, p string) error { return d.Mkdir(p + "sub") }},
				{"rename", func(d *Dir, p string) error { return d.Rename(p+"sub", d, p+"sub2") }},
				{"rmdir", func(d *Dir, p string) error { return d.Rmdir(p + "sub2") }},
				{"unlink", func(d *Dir, p string) error { return d.Unlink(p + "new") }},
				{"unlink link", func(d *Dir, p string) error { return d.Unlink(p + "link2") }},
			} {
				if err := step.op(in.dir, in.prefix); err != nil {
					t.Errorf("%s by %q: %v", step.what, in.prefix, err)
				}
			}
			_ = f.dir.Unlink("copy2")
		}
		if err := box.SetTimes(Now(), Now()); err != nil {
			t.Errorf("set the folder's times: %v", err)
		}
		if s, err := box.Stat(); err != nil || s.Type != Folder {
			t.Errorf("stat the folder: %+v, %v", s, err)
		}
	})
	f.restrict("granted/box", 0o400) // may be listed, not searched
	asUser(t, f.granted, func() {
		n, err := f.dir.Open("box", How{Folder: true, List: true})
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		if got := names(list(t, n.(*Dir), 0, 10)); !slices.Contains(got, "in") {
			t.Errorf("listed %q", got)
		}
		if err := opened(n.(*Dir).Open("in", How{})); !errors.Is(err, syscall.EACCES) {
			t.Errorf("open in what may not be searched: %v; want EACCES", err)
		}
	})
}

// TestGrantSearchOnly: the granted folder itself may be searched, not read.
func TestGrantSearchOnly(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "content")
	f.restrict("granted", 0o311)
	t.Chdir(f.base) // which takes no permission for the folders above
	asUser(t, "granted", func() {
		d, err := OpenDir("granted", false)
		if err != nil {
			t.Fatal(err)
		}
		defer d.Close()
		if err := opened(d.Open("file", How{Read: true})); err != nil {
			t.Errorf("open: %v", err)
		}
		if err := d.List(0, func(Entry) bool { return true }); !errors.Is(err, syscall.EACCES) {
			t.Errorf("list: %v; want EACCES", err)
		}
	})
}

// restrict sets a folder's mode until the test ends.
func (f *fixture) restrict(name string, mode os.FileMode) {
	f.t.Helper()
	path := filepath.Join(f.base, name)
	f.must(os.Chmod(path, mode))
	f.t.Cleanup(func() { _ = os.Chmod(path, 0o777) })
}

// TestOpenDirExactly: a path is opened only if no part of it is a link, including the last.
func TestOpenDirExactly(t *testing.T) {
	root, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Join(root, "a/b"), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, link := range []struct{ name, to string }{{"link", "a"}, {"a/last", "b"}, {"abs", root}} {
		if err := os.Symlink(link.to, filepath.Join(root, link.name)); err != nil {
			t.Fatal(err)
		}
	}
	for path, want := range map[string]bool{
		"": true, "/a": true, "/a/b": true, "/a/./b/": true,
		"/link": false, "/link/b": false, "/a/last": false, "/abs/a": false, "/a/none": false,
	} {
		d, err := OpenDirExactly(root+path, true)
		if (err == nil) != want {
			t.Errorf("%q: %v, want opened %t", path, err, want)
		}
		if err == nil {
			d.Close()
		}
	}
	if d, err := OpenDirExactly("/", true); err != nil {
		t.Error(err)
	} else {
		d.Close()
	}
	for _, bad := range []string{"", "a", root + "/a\x00"} {
		if _, err := OpenDirExactly(bad, true); err == nil {
			t.Errorf("%q was opened", bad)
		}
	}
}
