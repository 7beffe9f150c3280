package watch

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func write(t *testing.T, path string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(time.Now().String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestChanges makes changes of each kind in one folder after the other. What does not count is followed by a change that
// does, which is then the only one in its report.
func TestChanges(t *testing.T) {
	goFiles := func(name string) bool { return filepath.Ext(name) == ".go" }
	for name, c := range map[string]struct {
		places func(dir string) []Place
		before func(t *testing.T, dir string)
		change func(t *testing.T, dir string)
		want   []string
	}{
		"a file": {
			places: func(dir string) []Place { return File(filepath.Join(dir, "a.wasm")) },
			change: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "b.wasm"))
				write(t, filepath.Join(dir, "a.wasm"))
			},
			want: []string{"a.wasm"},
		},
		"an editor that renames": {
			places: func(dir string) []Place { return []Place{{Folder: dir, Match: goFiles}} },
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a.go")) },
			change: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "a.go~"))
				if err := os.Rename(filepath.Join(dir, "a.go~"), filepath.Join(dir, "a.go")); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"a.go"},
		},
		"a mode and an editor's leavings are no changes": {
			places: func(dir string) []Place { return []Place{{Folder: dir}} },
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a.rs")) },
			change: func(t *testing.T, dir string) {
				if err := os.Chmod(filepath.Join(dir, "a.rs"), 0o700); err != nil {
					t.Fatal(err)
				}
				write(t, filepath.Join(dir, ".a.rs.swp"))
				write(t, filepath.Join(dir, "a.rs~"))
				write(t, filepath.Join(dir, "4913"))
				write(t, filepath.Join(dir, "b.rs"))
			},
			want: []string{"b.rs"},
		},
		"a file that is removed": {
			places: func(dir string) []Place { return []Place{{Folder: dir}} },
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "a.rs")) },
			change: func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, "a.rs")); err != nil {
					t.Fatal(err)
				}
			},
			want: []string{"a.rs"},
		},
		"a folder below": {
			places: func(dir string) []Place { return []Place{{Folder: dir, Deep: true}} },
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x", "y", "a.rs")) },
			change: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x", "y", "a.rs")) },
			want:   []string{"x/y/a.rs"},
		},
		"a file that does not count": {
			places: func(dir string) []Place {
				places, err := Path(dir, filepath.Join(dir, "x", "app.wasm"))
				if err != nil {
					panic(err)
				}
				return places
			},
			before: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "x", "app.c")) },
			change: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "x", "app.wasm"))
				write(t, filepath.Join(dir, "x", "app.c"))
			},
			want: []string{"x/app.c"},
		},
		"a folder that is not there yet": {
			places: func(dir string) []Place { return File(filepath.Join(dir, "target", "debug", "a.wasm")) },
			change: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "target", "debug", "a.wasm")) },
			want:   []string{"target"},
		},
		"a file behind a link": {
			places: func(dir string) []Place { return File(filepath.Join(dir, "link", "a.wasm")) },
			before: func(t *testing.T, dir string) {
				write(t, filepath.Join(dir, "real", "a.wasm"))
				if err := os.Mkdir(filepath.Join(dir, "link"), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("../real/a.wasm", filepath.Join(dir, "link", "a.wasm")); err != nil {
					t.Fatal(err)
				}
			},
			change: func(t *testing.T, dir string) { write(t, filepath.Join(dir, "real", "a.wasm")) },
			want:   []string{"real/a.wasm"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir, err := filepath.EvalSymlinks(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if c.before != nil {
				c.before(t, dir)
			}
			w := watching(t, c.places(dir))
			c.change(t, dir)
			if got := relative(t, dir, <-w.Changes()); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// TestNewFolder: what is made in a folder that is itself new is seen, if only as a change of the folder.
func TestNewFolder(t *testing.T) {
	dir := t.TempDir()
	w := watching(t, []Place{{Folder: dir, Deep: true}})
	write(t, filepath.Join(dir, "new", "a.rs"))
	if got := relative(t, dir, <-w.Changes()); got[0] != "new" {
		t.Errorf("%q", got)
	}
	write(t, filepath.Join(dir, "new", "a.rs"))
	if got := relative(t, dir, <-w.Changes()); !slices.Contains(got, "new/a.rs") {
		t.Errorf("%q", got)
	}
}

// TestFolderMadeAgain: a folder that is removed counts as changed, and so does one that is made in its place.
func TestFolderMadeAgain(t *testing.T) {
	dir := t.TempDir()
	src := filepath.Join(dir, "src")
	write(t, filepath.Join(src, "a.rs"))
	places := []Place{{Folder: src}}
	w := watching(t, places)
	if err := os.RemoveAll(src); err != nil {
		t.Fatal(err)
	}
	<-w.Changes()
	if err := w.Set(places); err != nil { // as before each build
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "a.rs"))
	<-w.Changes()
	if err := w.Set(places); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(src, "b.rs"))
	if got := relative(t, dir, <-w.Changes()); !slices.Contains(got, "src/b.rs") {
		t.Errorf("%q", got)
	}
}

// TestSet: what is no longer wanted is no longer watched.
func TestSet(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "a", "f"))
	write(t, filepath.Join(dir, "b", "f"))
	w := watching(t, []Place{{Folder: filepath.Join(dir, "a")}})
	if err := w.Set([]Place{{Folder: filepath.Join(dir, "b")}}); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "a", "f"))
	write(t, filepath.Join(dir, "b", "f"))
	if got := relative(t, dir, <-w.Changes()); !slices.Equal(got, []string{"b/f"}) {
		t.Errorf("%q", got)
	}
}

func watching(t *testing.T, places []Place) *Watcher {
	t.Helper()
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	if err := w.Set(places); err != nil {
		t.Fatal(err)
	}
	return w
}

func relative(t *testing.T, dir string, paths []string) []string {
	t.Helper()
	var names []string
	for _, path := range paths {
		name, err := filepath.Rel(dir, path)
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, filepath.ToSlash(name))
	}
	return names
}

// TestSettle: a burst is one report; one that does not end is reported all the same; what happens while a report waits
// to be taken is added to it.
func TestSettle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		names, reports := make(chan string), make(chan []string)
		go settle(names, reports)
		defer synctest.Wait()
		defer close(names)
		start := time.Now()
		names <- "a"
		names <- "b"
		names <- "a"
		if got := <-reports; !slices.Equal(got, []string{"a", "b"}) || time.Since(start) != Quiet {
			t.Errorf("%q after %v", got, time.Since(start))
		}
		start = time.Now()
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case names <- "c":
					time.Sleep(Quiet / 2)
				case <-stop:
					return
				}
			}
		}()
		<-reports
		if reported := time.Since(start); reported > Longest+Quiet {
			t.Errorf("without a pause: reported after %v", reported)
		}
		close(stop)
		time.Sleep(Longest)
		names <- "d"
		time.Sleep(Longest)
		names <- "e"
		if got := <-reports; !slices.Contains(got, "d") || !slices.Contains(got, "e") {
			t.Errorf("%q", got)
		}
	})
}
