//go:build linux

package vfs

import (
	"bytes"
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

// until runs attack at least 500 times and until it has been both let in and refused, so that the
// race has been run in both ways.
func until(t *testing.T, attack func() error) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	done, refused := 0, 0
	for i := 0; i < 500 || done == 0 || refused == 0; i++ {
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
			f.hostMkdir("granted/folder/folder")
			f.hostSymlink(f.outside, "granted/evil")
			before := tree(t, f.outside)
			t.Cleanup(func() { unchanged(t, f.outside, before) })
			f.exchange("granted/folder", "granted/evil")
			until(t, func() error {
				// What the operation needs or leaves behind is made anew, in what is ours.
				inside := filepath.Join(f.granted, "folder")
				if s, err := os.Lstat(inside); err != nil || !s.IsDir() {
					inside = filepath.Join(f.granted, "evil")
				}
				if root, err := os.OpenRoot(inside); err == nil {
					if s, err := root.Stat("folder/inner"); err != nil || s == nil {
						f.reset(root, name)
					}
					root.Close()
				}
				os.WriteFile(filepath.Join(f.granted, "mine"), nil, 0o666)
				os.Remove(filepath.Join(f.granted, "stolen"))
				return op(f.dir, "folder/secret")
			})
		})
	}
}

// reset puts the operand of an operation in place: beneath root, unless that leads outside.
func (f *fixture) reset(root *os.Root, op string) {
	switch op {
	case "mkdir", "create exclusively", "symlink", "link to", "rename to":
		root.Remove("secret")
	case "rmdir", "open folder":
		root.Remove("secret")
		root.Mkdir("secret", 0o777)
	case "readlink":
		root.Remove("secret")
		root.Symlink("x", "secret")
	default:
		root.WriteFile("secret", []byte("mine"), 0o666)
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
			defer n.Close()
			buf := make([]byte, 10)
			if m, err := n.(*File).Read(buf); err != nil || !bytes.Equal(buf[:m], []byte("mine")) {
				t.Errorf("read %q, %v", buf[:m], err)
			}
			return nil
		})
	}
}

// TestNoEscapeByMovedFolder moves a folder out of what is granted and back in, while a path goes
// through it and up again.
func TestNoEscapeByMovedFolder(t *testing.T) {
	f := newFixture(t, false)
	f.hostMkdir("granted/a/b/c")
	f.hostMkdir("outside/c")
	f.hostWrite("granted/a/secret", "mine")
	f.exchange("granted/a/b/c", "outside/folder")
	buf := make([]byte, 10)
	for range 3000 {
		n, err := f.dir.Open("a/b/c/../../secret", How{Read: true})
		if err != nil {
			continue
		}
		if m, _ := n.(*File).Read(buf); string(buf[:m]) != "mine" {
			t.Errorf("read %q", buf[:m])
		}
		n.Close()
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
		if s, err := n.Stat(); err != nil || !s.same(want) {
			t.Errorf("opened %+v, %v; want %+v", s, err, want)
		}
		return nil
	})
}
