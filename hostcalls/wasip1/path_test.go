package wasip1

import (
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
)

// TestRightsAreInherited: a descriptor opened in a folder has no more rights than the folder passes on.
func TestRightsAreInherited(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		if err := os.Mkdir(filepath.Join(data, "sub"), 0o777); err != nil {
			t.Fatal(err)
		}
		rightsOf := func(fd uint64) (base, inheriting rights) {
			c.want(errnoSuccess, "fd_fdstat_get", fd, atResult2)
			return rights(c.u64(atResult2 + 8)), rights(c.u64(atResult2 + 16))
		}
		sub := c.mustOpen(fdData, "sub", oflagDirectory, rights(math.MaxUint64)&^rightFdWrite, 0)
		if base, inheriting := rightsOf(sub); base != folderRights || inheriting != allRights {
			t.Errorf("rights of a folder: %x, %x", base, inheriting)
		}
		c.want(errnoSuccess, "fd_fdstat_set_rights", sub,
			uint64(rightPathOpen|rightPathCreateFile), uint64(rightFdRead|rightFdSync))
		fd := c.mustOpen(sub, "file", oflagCreat, rightFdRead|rightFdSeek, 0)
		if base, _ := rightsOf(fd); base != rightFdRead|rightFdSync {
			t.Errorf("rights of a file: %x", base)
		}
		for _, o := range []struct {
			flags oflags
			base  rights
			f     fdflags
			want  errno
		}{
			{0, rightFdWrite, 0, errnoNotcapable},
			{oflagTrunc, 0, 0, errnoNotcapable},
			{oflagTrunc, rightFdRead, 0, errnoNotcapable},
			{oflagTrunc, rightFdWrite, 0, errnoNotcapable},
			{0, rightFdRead, fdflagSync, errnoSuccess},
			{0, rightFdRead, fdflagRsync, errnoSuccess},
			{0, rightFdRead, fdflagDsync, errnoNotcapable},
			{16, 0, 0, errnoInval},
			{0, 0, 32, errnoInval},
		} {
			if _, e := c.open(sub, "file", o.flags, o.base, o.f); e != o.want {
				t.Errorf("open %+v: errno %d", o, e)
			}
		}
		for name, need := range map[string]rights{
			"path_create_directory": rightPathCreateDirectory,
			"path_remove_directory": rightPathRemoveDirectory,
			"path_unlink_file":      rightPathUnlinkFile,
		} {
			c.wantPath(errnoNotcapable, name, sub, "file")
			if need&folderRights == 0 {
				t.Errorf("a folder has no right %x", need)
			}
		}
	})
}

// TestTruncationRights: the right to write and the right to set sizes each allow truncation.
func TestTruncationRights(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		if err := os.WriteFile(filepath.Join(data, "file"), []byte("content"), 0o666); err != nil {
			t.Fatal(err)
		}
		for _, tt := range []struct {
			folder rights // what the folder gives up
			base   rights
			want   errno
		}{
			{0, 0, errnoSuccess},
			{0, rightFdWrite, errnoSuccess},
			{rightPathFilestatSetSize, rightFdWrite, errnoSuccess},
			{rightPathFilestatSetSize, rightFdRead | rightFdWrite, errnoSuccess},
			{rightPathFilestatSetSize, rightFdRead, errnoNotcapable},
		} {
			sub := c.mustOpen(fdData, ".", oflagDirectory, folderRights, 0)
			c.want(errnoSuccess, "fd_fdstat_set_rights", sub, uint64(folderRights&^tt.folder), uint64(allRights))
			fd, e := c.open(sub, "file", oflagTrunc, tt.base, 0)
			if e != tt.want {
				t.Errorf("%+v: errno %d", tt, e)
			}
			if e == errnoSuccess {
				c.want(errnoSuccess, "fd_close", fd)
			}
			c.want(errnoSuccess, "fd_close", sub)
		}
	})
}

// TestDevice: a device is a device to the guest, but not a terminal.
func TestDevice(t *testing.T) {
	grants := []capability.Grant{folderGrant{HostPath: "/dev", GuestPath: "/dev", ReadOnly: true}}
	withProcess(t, abi.Config{Grants: grants}, func(c *caller) {
		fd := c.mustOpen(3, "zero", oflagCreat|oflagTrunc, fileRights, 0)
		c.want(errnoSuccess, "fd_fdstat_get", fd, atResult)
		typ, base := filetype(c.mem.bytes[atResult]), rights(c.u64(atResult+8))
		if typ != filetypeCharacterDevice || base&rightFdSeek == 0 { // wasi-libc's isatty: no right to seek
			t.Errorf("fdstat: type %d, rights %x", typ, base)
		}
		c.want(errnoSuccess, "fd_filestat_get", fd, atResult)
		if typ := filetype(c.mem.bytes[atResult+16]); typ != filetypeCharacterDevice {
			t.Errorf("filestat: type %d", typ)
		}
		list, count := c.buffer("not zero")
		c.want(errnoSuccess, "fd_write", fd, list, count, atResult)
		c.want(errnoSuccess, "fd_read", fd, list, count, atResult)
		if got := string(c.mem.bytes[atBuffer : atBuffer+8]); c.u32(atResult) != 8 || got != strings.Repeat("\x00", 8) {
			t.Errorf("read %d, %q", c.u32(atResult), got)
		}
		if _, e := c.open(3, "tty", 0, rightFdRead, 0); e != errnoNotsup {
			t.Errorf("open of a terminal: errno %d", e)
		}
	})
}

// TestPaths calls each path function once for its effect, and once for each way in which it fails.
func TestPaths(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		host := func(name string) string { return filepath.Join(data, name) }
		exists := func(name string, want bool) {
			t.Helper()
			if _, err := os.Lstat(host(name)); (err == nil) != want {
				t.Errorf("%s is there: %v, want %v", name, err == nil, want)
			}
		}
		c.wantPath(errnoSuccess, "path_create_directory", fdData, "sub")
		c.wantPath(errnoExist, "path_create_directory", fdData, "sub")
		c.want(errnoSuccess, "fd_close", c.mustOpen(fdData, "sub/file", oflagCreat, 0, 0))
		exists("sub/file", true)

		target, n := c.str(atPath, "sub/file")
		link, ln := c.str(atPath2, "link")
		c.want(errnoSuccess, "path_symlink", target, n, fdData, link, ln)
		c.wantPath(errnoSuccess, "path_readlink", fdData, "link", atBuffer, 3, atResult)
		if got := string(c.mem.bytes[atBuffer : atBuffer+c.u32(atResult)]); got != "sub" {
			t.Errorf("a link cut off: %q", got)
		}
		c.mem.bytes[atBuffer+8] = 'X'
		c.wantPath(errnoSuccess, "path_readlink", fdData, "link", atBuffer, 100, atResult)
		if got := string(c.mem.bytes[atBuffer : atBuffer+9]); got != "sub/fileX" || c.u32(atResult) != 8 {
			t.Errorf("a link: %q", got)
		}

		for follow, want := range map[uint64]filetype{0: filetypeSymbolicLink, lookupFollow: filetypeRegularFile} {
			c.want(errnoSuccess, "path_filestat_get", fdData, follow, link, ln, atResult)
			if got := filetype(c.mem.bytes[atResult+16]); got != want {
				t.Errorf("follow %d: type %d", follow, got)
			}
			c.want(errnoSuccess, "path_filestat_set_times", fdData, follow, link, ln, 5, 7+follow, uint64(fstAtim|fstMtim))
			c.want(errnoSuccess, "path_filestat_get", fdData, follow, link, ln, atResult)
			if atim, mtim := c.u64(atResult+40), c.u64(atResult+48); atim != 5 || mtim != 7+follow {
				t.Errorf("follow %d: times %d, %d", follow, atim, mtim)
			}
		}
		c.want(errnoInval, "path_filestat_get", fdData, 2, link, ln, atResult)
		c.want(errnoInval, "path_filestat_set_times", fdData, 0, link, ln, 0, 0, 3)

		from, fn := c.str(atPath, "sub/file")
		to, tn := c.str(atPath2, "hard")
		c.want(errnoSuccess, "path_link", fdData, 0, from, fn, fdData, to, tn)
		c.want(errnoExist, "path_link", fdData, 0, from, fn, fdData, to, tn)
		c.want(errnoInval, "path_link", fdData, lookupFollow, from, fn, fdData, to, tn)
		to, tn = c.str(atPath2, "moved")
		c.want(errnoSuccess, "path_rename", fdData, from, fn, fdData, to, tn)
		c.want(errnoNoent, "path_rename", fdData, from, fn, fdData, to, tn)
		exists("moved", true)
		c.wantPath(errnoNotdir, "path_remove_directory", fdData, "moved")
		c.wantPath(errnoIsdir, "path_unlink_file", fdData, "sub")
		c.wantPath(errnoSuccess, "path_unlink_file", fdData, "moved")
		c.wantPath(errnoSuccess, "path_remove_directory", fdData, "sub")
		exists("moved", false)
		exists("sub", false)

		for path, want := range map[string]errno{
			"":                         errnoNoent,
			"../outside/secret":        errnoNotcapable,
			"/outside/secret":          errnoNotcapable,
			"escape":                   errnoNotcapable,
			"hard\x00":                 errnoInval,
			"\xff":                     errnoIlseq,
			strings.Repeat("x", 256):   errnoNametoolong,
			strings.Repeat("./", 2048): errnoNametoolong,
			"hard/":                    errnoNotdir,
			"hard/x":                   errnoNotdir,
		} {
			if _, e := c.open(fdData, path, 0, rightFdRead, 0); e != want {
				t.Errorf("open %.20q: errno %d, want %d", path, e, want)
			}
		}
		loop, n := c.str(atPath, "loop")
		c.want(errnoSuccess, "path_symlink", loop, n, fdData, loop, n)
		if _, e := c.open(fdData, "loop", 0, 0, 0); e != errnoLoop {
			t.Errorf("open a loop: errno %d", e)
		}
		root, n := c.str(atPath, "/")
		c.want(errnoNotcapable, "path_symlink", root, n, fdData, link, ln)
		for _, fd := range []uint64{0, c.mustOpen(fdData, "hard", 0, fileRights, 0)} {
			c.wantPath(errnoNotdir, "path_create_directory", fd, "x")
		}
		c.wantPath(errnoBadf, "path_create_directory", 99, "x")
	})
}

// TestReadOnlyGrant: every call that changes something fails with errnoRofs.
func TestReadOnlyGrant(t *testing.T) {
	withFiles(t, func(c *caller, data, fixed string) {
		if err := os.WriteFile(filepath.Join(data, "mine"), nil, 0o666); err != nil {
			t.Fatal(err)
		}
		for _, o := range []struct {
			path  string
			flags oflags
			base  rights
		}{
			{"file", 0, rightFdWrite},
			{"file", 0, rightFdRead | rightFdWrite},
			{"file", oflagTrunc, rightFdRead},
			{"new", oflagCreat, rightFdRead},
			{"new", oflagCreat | oflagExcl, rightFdWrite},
		} {
			if _, e := c.open(fdFixed, o.path, o.flags, o.base, 0); e != errnoRofs {
				t.Errorf("open %+v: errno %d, want rofs", o, e)
			}
		}
		c.wantPath(errnoRofs, "path_create_directory", fdFixed, "new")
		c.wantPath(errnoRofs, "path_remove_directory", fdFixed, "new")
		c.wantPath(errnoRofs, "path_unlink_file", fdFixed, "file")
		file, n := c.str(atPath, "file")
		mine, mn := c.str(atPath2, "mine")
		c.want(errnoRofs, "path_symlink", mine, mn, fdFixed, mine, mn)
		c.want(errnoRofs, "path_filestat_set_times", fdFixed, 0, file, n, 0, 0, uint64(fstMtimNow))
		c.want(errnoRofs, "path_link", fdFixed, 0, file, n, fdData, file, n)
		c.want(errnoRofs, "path_link", fdData, 0, mine, mn, fdFixed, mine, mn)
		c.want(errnoRofs, "path_rename", fdFixed, file, n, fdData, file, n)
		c.want(errnoRofs, "path_rename", fdData, mine, mn, fdFixed, mine, mn)
		fd := c.mustOpen(fdFixed, "file", 0, fileRights&^rightFdWrite, 0)
		for _, fd := range []uint64{fd, fdFixed} {
			c.want(errnoRofs, "fd_filestat_set_times", fd, 0, 0, uint64(fstMtimNow))
		}
		c.want(errnoRofs, "fd_filestat_set_size", fd, 0)
		c.want(errnoRofs, "fd_allocate", fd, 0, 100)
		list, count := c.buffer("x")
		c.want(errnoBadf, "fd_write", fd, list, count, atResult)
		c.want(errnoBadf, "fd_pwrite", fd, list, count, 0, atResult)
		if entries, err := os.ReadDir(fixed); err != nil || len(entries) != 1 {
			t.Errorf("%v, %v", entries, err)
		}
	})
}
