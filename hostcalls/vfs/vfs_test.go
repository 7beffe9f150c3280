package vfs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// fixture is a granted folder, and one next to it that is not granted.
type fixture struct {
	t       *testing.T
	base    string // holds granted and outside
	granted string
	outside string
	dir     *Dir
}

func newFixture(t *testing.T, readOnly bool) *fixture {
	t.Helper()
	base := t.TempDir()
	f := &fixture{
		t:       t,
		base:    base,
		granted: filepath.Join(base, "granted"),
		outside: filepath.Join(base, "outside"),
	}
	f.hostMkdir("granted")
	f.hostMkdir("outside/folder")
	f.hostWrite("outside/secret", "secret")
	f.hostWrite("outside/folder/inner", "secret")
	d, err := OpenDir(f.granted, readOnly)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Close() })
	f.dir = d
	return f
}

func (f *fixture) hostMkdir(name string) {
	f.t.Helper()
	f.must(os.MkdirAll(filepath.Join(f.base, name), 0o777))
}

func (f *fixture) hostWrite(name, content string) {
	f.t.Helper()
	f.must(os.WriteFile(filepath.Join(f.base, name), []byte(content), 0o666))
}

func (f *fixture) hostSymlink(target, name string) {
	f.t.Helper()
	f.must(os.Symlink(target, filepath.Join(f.base, name)))
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// open opens an existing file, or fails the test.
func (f *fixture) open(path string, how How) *File {
	f.t.Helper()
	n, err := f.dir.Open(path, how)
	f.must(err)
	file, ok := n.(*File)
	if !ok {
		f.t.Fatalf("%s is a %T", path, n)
	}
	f.t.Cleanup(func() { file.Close() })
	return file
}

func (f *fixture) openDir(path string) *Dir {
	f.t.Helper()
	n, err := f.dir.Open(path, How{Folder: true, List: true})
	f.must(err)
	d := n.(*Dir)
	f.t.Cleanup(func() { d.Close() })
	return d
}

// tree describes everything beneath a folder: types, contents, link targets, times, numbers of links.
func tree(t *testing.T, root string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		s := info.Mode().String() + " " + info.ModTime().String()
		switch {
		case info.Mode().IsRegular():
			content, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			s += fmt.Sprintf(" %d links: %s", info.Sys().(*syscall.Stat_t).Nlink, content)
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			s += " -> " + target
		}
		all[path] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// unchanged fails the test if a folder has changed.
func unchanged(t *testing.T, root string, before map[string]string) {
	t.Helper()
	if diff := cmp.Diff(before, tree(t, root)); diff != "" {
		t.Errorf("%s has changed (-before +after):\n%s", root, diff)
	}
}
