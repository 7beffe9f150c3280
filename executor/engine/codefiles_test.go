package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// openCodeFiles opens the files in a folder, with room for three of entry.
func openCodeFiles(t *testing.T, dir string, held ...string) *codeFiles {
	t.Helper()
	c := newCodeFiles(dir, 1<<20, func(module string) bool { return slices.Contains(held, module) })
	if err := c.scan(); err != nil {
		t.Fatal(err)
	}
	return &c
}

var entry = code{name: "n", bytes: make([]byte, 300<<10)}

func put(t *testing.T, c *codeFiles, modules ...string) {
	t.Helper()
	for _, module := range modules {
		if err := c.put(module, "key", entry); err != nil {
			t.Fatal(err)
		}
	}
}

func wantCode(t *testing.T, c *codeFiles, want ...string) {
	t.Helper()
	got := c.modules()
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("there is code of %q, want %q", got, want)
	}
	var total int64
	for module := range c.files {
		info, err := os.Stat(c.path(module, c.files[module].key))
		if err != nil {
			t.Error(err)
			continue
		}
		total += info.Size()
	}
	if total != c.total || len(codeFilesIn(t, c.dir)) != len(want) {
		t.Errorf("%d bytes are counted, there are %d, in %d files", c.total, total, len(codeFilesIn(t, c.dir)))
	}
}

func codeFilesIn(t *testing.T, dir string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func TestLeastRecentlyUsedCodeGoes(t *testing.T) {
	c := openCodeFiles(t, t.TempDir())
	put(t, c, "a", "b", "c")
	if _, err := c.get("a", "key"); err != nil {
		t.Fatal(err)
	}
	put(t, c, "d")
	wantCode(t, c, "a", "c", "d")
	if err := c.put("huge", "key", code{name: "n", bytes: make([]byte, 2<<20)}); err != nil {
		t.Fatal(err)
	}
	wantCode(t, c, "a", "c", "d")
	if _, err := c.get("a", "another key"); err == nil {
		t.Error("code is found under another key")
	}
}

// TestCodeInUseGoesLast: what is in use would be compiled again soonest.
func TestCodeInUseGoesLast(t *testing.T) {
	c := openCodeFiles(t, t.TempDir(), "a", "b")
	put(t, c, "a", "b", "c", "d")
	wantCode(t, c, "a", "b", "d")
	c.held = func(string) bool { return true }
	put(t, c, "e")
	wantCode(t, c, "b", "d", "e")
}

// TestCodeOfModule: a module has one file, which goes when the module is deleted.
func TestCodeOfModule(t *testing.T) {
	c := openCodeFiles(t, t.TempDir())
	put(t, c, "sha256:00", "../x/%2f", "other")
	if err := c.put("other", "newer", entry); err != nil {
		t.Fatal(err)
	}
	wantCode(t, c, "../x/%2f", "other", "sha256:00")
	if _, err := c.get("other", "newer"); err != nil {
		t.Error(err)
	}
	size := c.size("other")
	if freed, err := c.drop("other"); freed != size || size < 300<<10 || err != nil {
		t.Errorf("%d bytes of %d were freed, %v", freed, size, err)
	}
	if freed, err := c.drop("nobody"); freed != 0 || err != nil {
		t.Errorf("%d bytes were freed, %v", freed, err)
	}
	wantCode(t, c, "../x/%2f", "sha256:00")
	wantCode(t, openCodeFiles(t, c.dir), "../x/%2f", "sha256:00")
}

// TestScanTidiesUp what a daemon left that was killed, or was of another version.
func TestScanTidiesUp(t *testing.T) {
	dir := t.TempDir()
	c := openCodeFiles(t, dir)
	put(t, c, "a", "b")
	sealed, err := os.ReadFile(c.path("a", "key"))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"0123abcd.code", "x.tmp", "%zz-key.code"} {
		if err := os.WriteFile(filepath.Join(dir, name), sealed, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	// Killed between storing new code and removing the old.
	if err := os.WriteFile(c.path("a", "newer"), sealed, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(c.path("a", "key"), time.Time{}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	c = openCodeFiles(t, dir)
	wantCode(t, c, "a", "b")
	if _, err := c.get("a", "newer"); err != nil {
		t.Error(err)
	}
}
