//go:build linux

package vfs

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// exchange swaps two names for each other, again and again, until the test ends.
func (f *fixture) exchange(a, b string) {
	stop := make(chan struct{})
	var wg sync.WaitGroup
	a, b = filepath.Join(f.base, a), filepath.Join(f.base, b)
	wg.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				if err := unix.Renameat2(unix.AT_FDCWD, a, unix.AT_FDCWD, b, unix.RENAME_EXCHANGE); err != nil {
					f.t.Errorf("exchange: %v", err)
					return
				}
			}
		}
	})
	f.t.Cleanup(func() { close(stop); wg.Wait() })
}

// until runs attack at least 200 times, and until it has been both allowed and refused, so that the race has gone both
// ways.
func until(t *testing.T, attack func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	done, refused := 0, 0
	for i := 0; i < 200 || done == 0 || refused == 0; i++ {
		if attack() == nil {
			done++
		} else {
			refused++
		}
		if t.Failed() {
			return
		}
		if time.Now().After(deadline) {
			t.Skipf("the race was not run in both ways: %d in, %d refused", done, refused)
		}
	}
}

// TestNoEscapeByExchangedFolder swaps a folder on the path for a link that leads out, while every
// operation is tried beneath it.
func TestNoEscapeByExchangedFolder(t *testing.T) {
	for name, op := range pathOps {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, false)
			mine := f.exchangedFolder()
			before := tree(t, f.outside)
			until(t, func() error {
				f.must(reset(mine, name))
				f.hostWrite("granted/mine", "mine")
				_ = os.Remove(filepath.Join(f.granted, "stolen"))
				return op(f.dir, "folder/secret")
			})
			unchanged(t, f.outside, before)
		})
	}
}

// TestNoPeekByExchangedFolder is the same for operations that read.
func TestNoPeekByExchangedFolder(t *testing.T) {
	f := newFixture(t, false)
	mine := f.exchangedFolder()
	f.must(mine.WriteFile("secret", []byte("mine"), 0o666))
	want, err := f.dir.Lstat("folder/secret", false)
	for err != nil {
		want, err = f.dir.Lstat("folder/secret", false)
	}
	until(t, func() error {
		s, err := f.dir.Lstat("folder/secret", true)
		if err == nil && !sameFile(s, want) {
			t.Errorf("stat: %+v", s)
		}
		n, err := f.dir.Open("folder/secret", How{Read: true, Follow: true})
		if err == nil {
			readMine(t, n)
		}
		d, err := f.dir.Open("folder", How{Follow: true, Folder: true, List: true})
		if err != nil {
			return err
		}
		defer d.Close()
		for _, e := range list(t, d.(*Dir), 0, 10) {
			if string(e.Name) == "folder" {
				t.Error("listed what is outside")
			}
		}
		return nil
	})
}

// exchangedFolder makes a folder and swaps it for a link that leads out, again and again. It returns the folder, whatever
// its current name.
func (f *fixture) exchangedFolder() *os.Root {
	f.hostMkdir("granted/folder")
	f.hostSymlink(f.outside, "granted/evil")
	mine, err := os.OpenRoot(filepath.Join(f.granted, "folder"))
	f.must(err)
	f.t.Cleanup(func() { mine.Close() })
	f.exchange("granted/folder", "granted/evil")
	return mine
}

// readMine checks that a file is not the secret, and closes it.
func readMine(t *testing.T, n Node) {
	t.Helper()
	defer n.Close()
	buf := make([]byte, 10)
	if m, err := n.(*File).Read(buf); err != nil || string(buf[:m]) != "mine" {
		t.Errorf("read %q, %v", buf[:m], err)
	}
}

// reset puts what an operation on "secret" needs in place.
func reset(mine *os.Root, op string) error {
	_ = mine.Remove("secret")
	switch op {
	case "mkdir", "create exclusively", "symlink", "link to", "rename to":
		return nil
	case "rmdir", "open folder":
		return mine.Mkdir("secret", 0o777)
	case "readlink":
		return mine.Symlink("x", "secret")
	default:
		return mine.WriteFile("secret", []byte("mine"), 0o666)
	}
}

// TestNoEscapeByExchangedFile swaps a file for a link that leads out, while it is opened.
func TestNoEscapeByExchangedFile(t *testing.T) {
	for _, follow := range []bool{true, false} {
		f := newFixture(t, false)
		f.hostWrite("granted/file", "mine")
		f.hostSymlink("../outside/secret", "granted/evil")
		f.exchange("granted/file", "granted/evil")
		until(t, func() error {
			n, err := f.dir.Open("file", How{Read: true, Write: true, Follow: follow})
			if err != nil {
				return err
			}
			readMine(t, n)
			return nil
		})
	}
}

// TestNoEscapeByMovedFolder moves a folder out of the granted one and back in, while a path leads through it and up again.
func TestNoEscapeByMovedFolder(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/a/b/c")
	f.hostMkdir("outside/c")
	f.hostWrite("granted/a/secret", "mine")
	f.exchange("granted/a/b/c", "outside/folder")
	for range 3000 {
		if n, err := f.dir.Open("a/b/c/../../secret", How{Read: true}); err == nil {
			readMine(t, n)
		}
	}
}

// TestExchangedFolderIsNotFollowed: an open that does not follow links gets the folder or an error,
// never the folder that a link in its place leads to.
func TestExchangedFolderIsNotFollowed(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/folder")
	f.hostMkdir("granted/other")
	f.hostSymlink("other", "granted/link")
	want, err := f.dir.Lstat("folder", false)
	f.must(err)
	f.exchange("granted/folder", "granted/link")
	until(t, func() error {
		n, err := f.dir.Open("folder", How{})
		if err != nil {
			return err
		}
		defer n.Close()
		if s, err := n.Stat(); err != nil || !sameFile(s, want) {
			t.Errorf("opened %+v, %v; want %+v", s, err, want)
		}
		return nil
	})
}

// sameFile reports whether s and t are of the same file, provided that it existed throughout.
func sameFile(s, t Stat) bool { return s.Dev == t.Dev && s.Ino == t.Ino && s.Type == t.Type }
