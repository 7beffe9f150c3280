package wasip1

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/reactord/reactord/hostcalls/files"
)

func TestPrestat(t *testing.T) {
	withFiles(t, func(c *caller, _, _ string) {
		c.want(errnoSuccess, "fd_prestat_get", fdData, atResult)
		if got := c.hex(atResult, sizePrestat); got != "0000000005000000" {
			t.Errorf("prestat %s", got)
		}
		c.want(errnoNametoolong, "fd_prestat_dir_name", fdData, atBuffer, 4)
		c.want(errnoSuccess, "fd_prestat_dir_name", fdData, atBuffer, 5)
		if got := string(c.mem.bytes[atBuffer : atBuffer+5]); got != "/data" {
			t.Errorf("name %q", got)
		}
		sub := c.mustOpen(fdData, ".", oflagDirectory, folderRights, 0)
		for _, fd := range []uint64{0, sub, 99} {
			c.want(errnoBadf, "fd_prestat_get", fd, atResult)
			c.want(errnoBadf, "fd_prestat_dir_name", fd, atBuffer, 5)
		}
		c.want(errnoSuccess, "fd_renumber", sub, fdData)
		c.want(errnoBadf, "fd_prestat_get", fdData, atResult)
		c.wantPath(errnoSuccess, "path_create_directory", fdData, "new")
	})
}

// dirent is one decoded entry.
type dirent struct {
	next, ino uint64
	typ       filetype
	name      string
}

// readdir decodes what fd_readdir writes to a buffer of size bytes, without an incomplete entry. whole reports whether
// it was the end.
func (c *caller) readdir(fd uint64, size uint32, cookie uint64) (entries []dirent, whole bool) {
	c.t.Helper()
	c.want(errnoSuccess, "fd_readdir", fd, atBuffer, uint64(size), cookie, atResult)
	used := c.u32(atResult)
	if used > size {
		c.t.Fatalf("fd_readdir used %d of %d bytes", used, size)
	}
	for buf := c.mem.bytes[atBuffer : atBuffer+used]; len(buf) >= sizeDirent; {
		n := int(le.Uint32(buf[16:]))
		if len(buf) < sizeDirent+n {
			break
		}
		entries = append(entries, dirent{
			le.Uint64(buf), le.Uint64(buf[8:]), filetype(buf[20]), string(buf[sizeDirent : sizeDirent+n]),
		})
		buf = buf[sizeDirent+n:]
	}
	return entries, used < size
}

// TestReaddir reads a large folder with buffers of many sizes, the largest of which are filled in several parts.
func TestReaddir(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		c.mem.bytes = make([]byte, 1<<20)
		want := []string{".", "..", "escape"}
		for i := range 3000 {
			name := fmt.Sprintf("%0*d", 10+i%50, i)
			want = append(want, name)
			if err := os.WriteFile(filepath.Join(data, name), nil, 0o666); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(want)
		for _, size := range []uint32{sizeDirent + 60, 256, 4096, files.MaxBuffer - 1, files.MaxBuffer, 100_000, 2 * files.MaxBuffer, 900_000} {
			var got []string
			for cookie := uint64(0); ; {
				entries, whole := c.readdir(fdData, size, cookie)
				for _, e := range entries {
					got = append(got, e.name)
					cookie = e.next
				}
				if whole {
					break
				}
				if len(entries) == 0 {
					t.Fatalf("size %d: no entry fits", size)
				}
			}
			slices.Sort(got)
			if !slices.Equal(got, want) {
				t.Errorf("size %d: %d names, want %d", size, len(got), len(want))
			}
		}
		c.want(errnoSuccess, "fd_readdir", fdData, atBuffer, 10, 0, atResult)
		if n := c.u32(atResult); n != 10 {
			t.Errorf("part of an entry: %d bytes", n)
		}
		c.want(errnoSuccess, "fd_readdir", fdData, atBuffer, 0, 0, atResult)
		if n := c.u32(atResult); n != 0 {
			t.Errorf("no room: %d bytes", n)
		}
		c.want(errnoInval, "fd_readdir", fdData, atBuffer, 100, 1<<63, atResult)
		c.want(errnoNotdir, "fd_readdir", c.mustOpen(fdData, "0000000000", 0, fileRights, 0), atBuffer, 100, 0, atResult)
	})
}

func TestReaddirEntries(t *testing.T) {
	withFiles(t, func(c *caller, _, _ string) {
		c.wantPath(errnoSuccess, "path_create_directory", fdData, "sub")
		entries, whole := c.readdir(fdData, 4096, 0)
		want := map[string]filetype{
			".": filetypeDirectory, "..": filetypeDirectory, "sub": filetypeDirectory, "escape": filetypeSymbolicLink,
		}
		if !whole || len(entries) != len(want) {
			t.Errorf("%+v, whole %v", entries, whole)
		}
		for _, e := range entries {
			path, n := c.str(atPath, e.name)
			if e.typ != want[e.name] {
				t.Errorf("%+v", e)
			}
			if e.name == ".." {
				continue
			}
			c.want(errnoSuccess, "path_filestat_get", fdData, 0, path, n, atResult)
			if ino := c.u64(atResult + 8); ino != e.ino {
				t.Errorf("%s has inode %d, listed %d", e.name, ino, e.ino)
			}
		}
	})
}
