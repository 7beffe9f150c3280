package testkit

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

// WarmDir returns a new data folder for a daemon, with the machine code of modules that daemons of earlier tests have
// compiled: most tests run the same Go guests, and compiling one takes longer than most tests. The files are shared by
// links, which does no harm: a daemon writes a file once, under another name, and checks its sum before it uses it.
func WarmDir(t testing.TB) string {
	t.Helper()
	dir, kept := t.TempDir(), filepath.Join(binaries, "code")
	cache := filepath.Join(dir, "cache")
	for _, folder := range []string{kept, cache} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	linkCode(t, kept, cache)
	t.Cleanup(func() { linkCode(t, cache, kept) }) // after the daemon has ended, whose own cleanup is added later
	return dir
}

// linkCode links the machine code in one folder into another, except for what is there already.
func linkCode(t testing.TB, from, to string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(from, "*.code"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		err := os.Link(file, filepath.Join(to, filepath.Base(file)))
		if err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, fs.ErrNotExist) { // another test's daemon removes files
			t.Fatal(err)
		}
	}
}
