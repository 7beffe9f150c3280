package vfs

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
)

// list reads the entries from a cookie on, at most limit of them.
func list(t *testing.T, d *Dir, cookie uint64, limit int) []Entry {
	t.Helper()
	var all []Entry
	err := d.List(cookie, func(e Entry) bool {
		if len(all) == limit {
			return false
		}
		e.Name = slices.Clone(e.Name)
		all = append(all, e)
		return true
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func names(entries []Entry) []string {
	all := make([]string, len(entries))
	for i, e := range entries {
		all[i] = string(e.Name)
	}
	return all
}

func TestList(t *testing.T) {
	f := newFixture(t, false)
	f.hostWrite("granted/file", "")
	f.hostMkdir("granted/folder")
	f.hostSymlink("file", "granted/link")
	if err := syscall.Mkfifo(filepath.Join(f.granted, "fifo"), 0o666); err != nil {
		t.Fatal(err)
	}
	types := map[string]Type{".": Folder, "..": Folder, "file": Regular, "folder": Folder, "link": Symlink, "fifo": FIFO}
	all := list(t, f.dir, 0, 100)
	if len(all) != len(types) {
		t.Errorf("listed %q", names(all))
	}
	for i, e := range all {
		name := string(e.Name)
		if e.Type != types[name] || e.Next == 0 {
			t.Errorf("entry %+v", e)
		}
		if s, err := f.dir.Lstat(name, false); name != ".." && (err != nil || s.Ino != e.Ino) {
			t.Errorf("%s has inode %d, listed as %d (%v)", name, s.Ino, e.Ino, err)
		}
		if rest := list(t, f.dir, e.Next, 100); !slices.Equal(names(rest), names(all[i+1:])) {
			t.Errorf("from the cookie of %s: %q; want %q", name, names(rest), names(all[i+1:]))
		}
	}
	if again := list(t, f.dir, 0, 100); !slices.Equal(names(again), names(all)) {
		t.Errorf("listed again: %q", names(again))
	}
	if err := f.dir.List(1<<63, func(Entry) bool { return true }); !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a cookie that is none: %v", err)
	}
}

// TestListInPieces reads a large folder in pieces of many sizes: each name once.
func TestListInPieces(t *testing.T) {
	f := newFixture(t, false)
	const count = 1000
	want := map[string]bool{".": true, "..": true}
	for i := range count {
		name := fmt.Sprintf("file-with-a-longer-name-%d", i)
		f.hostWrite("granted/"+name, "")
		want[name] = true
	}
	for _, piece := range []int{1, 7, 64, 1000, count + 3} {
		seen := map[string]bool{}
		for cookie := uint64(0); ; {
			entries := list(t, f.dir, cookie, piece)
			if len(entries) == 0 {
				break
			}
			for _, e := range entries {
				if seen[string(e.Name)] || !want[string(e.Name)] {
					t.Fatalf("pieces of %d: %s twice, or unknown", piece, e.Name)
				}
				seen[string(e.Name)] = true
			}
			cookie = entries[len(entries)-1].Next
		}
		if len(seen) != len(want) {
			t.Errorf("pieces of %d: %d names; want %d", piece, len(seen), len(want))
		}
	}
}

// TestListWhileRemoving lists as rm -r does: it removes the listed names before it lists the next.
func TestListWhileRemoving(t *testing.T) {
	f := newFixture(t, false)
	const count = 1500
	for i := range count {
		f.hostWrite(fmt.Sprintf("granted/%d", i), "")
	}
	removed := 0
	for cookie := uint64(0); ; {
		entries := list(t, f.dir, cookie, 33)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			if name := string(e.Name); name != "." && name != ".." {
				f.must(f.dir.Unlink(name))
				removed++
			}
		}
		cookie = entries[len(entries)-1].Next
	}
	if left, err := os.ReadDir(f.granted); err != nil || len(left) != 0 || removed != count {
		t.Errorf("removed %d of %d; %d left (%v)", removed, count, len(left), err)
	}
}

// TestListWhileAdding: names that exist from the start are not listed twice, whatever is added.
func TestListWhileAdding(t *testing.T) {
	f := newFixture(t, false)
	for i := range 300 {
		f.hostWrite(fmt.Sprintf("granted/old-%d", i), "")
	}
	seen := map[string]int{}
	added := 0
	for cookie := uint64(0); added < 1000; {
		entries := list(t, f.dir, cookie, 20)
		if len(entries) == 0 {
			break
		}
		for _, e := range entries {
			seen[string(e.Name)]++
			f.hostWrite(fmt.Sprintf("granted/new-%d", added), "")
			added++
		}
		cookie = entries[len(entries)-1].Next
	}
	for i := range 300 {
		if n := seen[fmt.Sprintf("old-%d", i)]; n > 1 {
			t.Errorf("old-%d was listed %d times", i, n)
		}
	}
}
