package wasip1

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
)

// Where the tests of files put things in memory.
const (
	atPath    = 1 << 10
	atPath2   = 6 << 10
	atIovec   = 11 << 10
	atResult  = 12 << 10
	atResult2 = 13 << 10
	atBuffer  = 32 << 10
)

// The grants' descriptors.
const (
	fdData  = 3
	fdFixed = 4
)

const allRights = folderRights | fileRights

// withFiles runs body on a process that has /data and, to read, /fixed.
func withFiles(t *testing.T, body func(c *caller, data, fixed string)) {
	t.Helper()
	data, fixed := newGrants(t)
	withProcess(t, Config{Grants: grantsOf(data, fixed)}, func(c *caller) { body(c, data, fixed) })
}

func grantsOf(data, fixed string) []hostcalls.Grant {
	return []hostcalls.Grant{
		hostcalls.Dir{HostPath: data, GuestPath: "/data"},
		hostcalls.Dir{HostPath: fixed, GuestPath: "/fixed", ReadOnly: true},
	}
}

// str puts a string at ptr and returns both as arguments.
func (c *caller) str(ptr uint32, s string) (at, n uint64) {
	copy(c.mem.bytes[ptr:], s)
	return uint64(ptr), uint64(len(s))
}

// open calls path_open and returns the new descriptor.
func (c *caller) open(dir uint64, path string, o oflags, base rights, f fdflags) (uint64, errno) {
	c.t.Helper()
	ptr, n := c.str(atPath, path)
	e := c.call("path_open", dir, lookupFollow, ptr, n, uint64(o), uint64(base), uint64(allRights), uint64(f), atResult)
	return uint64(c.u32(atResult)), e
}

// mustOpen is open for what has to succeed.
func (c *caller) mustOpen(dir uint64, path string, o oflags, base rights, f fdflags) uint64 {
	c.t.Helper()
	fd, e := c.open(dir, path, o, base, f)
	if e != errnoSuccess {
		c.t.Fatalf("path_open %q: errno %d", path, e)
	}
	return fd
}

// wantPath calls a function on fd and a path, any further arguments after these.
func (c *caller) wantPath(e errno, name string, fd uint64, path string, more ...uint64) {
	c.t.Helper()
	ptr, n := c.str(atPath, path)
	params := append([]uint64{fd, ptr, n}, more...)
	if got := c.call(name, params...); got != e {
		c.t.Errorf("%s %q = errno %d, want %d", name, path, got, e)
	}
}

// buffer makes a list of one buffer and returns its arguments.
func (c *caller) buffer(s string) (list, count uint64) {
	copy(c.mem.bytes[atBuffer:], s)
	c.iovec(atIovec, atBuffer, uint32(len(s)))
	return atIovec, 1
}

func TestFileDescriptor(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
		list, count := c.buffer("hello, world")
		c.want(errnoSuccess, "fd_write", fd, list, count, atResult)
		if n := c.u32(atResult); n != 12 {
			t.Errorf("wrote %d", n)
		}
		c.buffer("HELLO")
		c.want(errnoSuccess, "fd_pwrite", fd, list, count, 0, atResult)
		c.want(errnoSuccess, "fd_tell", fd, atResult)
		if at := c.u64(atResult); at != 12 {
			t.Errorf("tell: %d", at)
		}
		if got, err := os.ReadFile(filepath.Join(data, "file")); err != nil || string(got) != "HELLO, world" {
			t.Errorf("content %q, %v", got, err)
		}

		// A scatter list of three, one of them empty.
		c.iovec(atIovec, atBuffer, 3)
		c.iovec(atIovec+8, atBuffer+100, 0)
		c.iovec(atIovec+16, atBuffer+200, 100)
		c.want(errnoSuccess, "fd_pread", fd, atIovec, 3, 2, atResult)
		if n := c.u32(atResult); n != 10 {
			t.Errorf("read %d", n)
		}
		if got := string(c.mem.bytes[atBuffer:atBuffer+3]) + "|" + string(c.mem.bytes[atBuffer+200:atBuffer+207]); got != "LLO|, world" {
			t.Errorf("read %q", got)
		}

		for _, seek := range []struct {
			off    int64
			whence uint64
			want   errno
			at     uint64
		}{
			{5, whenceSet, errnoSuccess, 5},
			{-2, whenceCur, errnoSuccess, 3},
			{0, whenceCur, errnoSuccess, 3},
			{-12, whenceEnd, errnoSuccess, 0},
			{100, whenceEnd, errnoSuccess, 112},
			{-1, whenceSet, errnoInval, 0},
			{-200, whenceCur, errnoInval, 0},
			{math.MinInt64, whenceEnd, errnoInval, 0},
			{0, 3, errnoInval, 0},
		} {
			c.want(seek.want, "fd_seek", fd, u(seek.off), seek.whence, atResult)
			if at := c.u64(atResult); seek.want == errnoSuccess && at != seek.at {
				t.Errorf("seek %d from %d: at %d, want %d", seek.off, seek.whence, at, seek.at)
			}
		}
		c.want(errnoSuccess, "fd_read", fd, atIovec, 3, atResult)
		if n := c.u32(atResult); n != 0 {
			t.Errorf("read %d beyond the end", n)
		}

		c.want(errnoSuccess, "fd_filestat_set_size", fd, 5)
		c.want(errnoFbig, "fd_filestat_set_size", fd, 1<<63)
		c.want(errnoSuccess, "fd_filestat_set_times", fd, 1_000, 2_000_000_003, uint64(fstAtim|fstMtim))
		c.want(errnoInval, "fd_filestat_set_times", fd, 0, 0, uint64(fstMtim|fstMtimNow))
		c.want(errnoInval, "fd_filestat_set_times", fd, 0, 0, 16)
		c.want(errnoSuccess, "fd_filestat_get", fd, atResult)
		if typ, nlink, size := c.mem.bytes[atResult+16], c.u64(atResult+24), c.u64(atResult+32); typ != 4 || nlink != 1 || size != 5 {
			t.Errorf("filestat: type %d, %d links, %d bytes", typ, nlink, size)
		}
		if atim, mtim := c.u64(atResult+40), c.u64(atResult+48); atim != 1_000 || mtim != 2_000_000_003 {
			t.Errorf("filestat: atim %d, mtim %d", atim, mtim)
		}
		c.want(errnoSuccess, "fd_advise", fd, 0, 0, 3)
		c.want(errnoInval, "fd_advise", fd, 0, 0, 6)
		c.want(errnoInval, "fd_advise", fd, u(-1), 0, 0)
		c.want(errnoInval, "fd_allocate", fd, 0, 0)
		c.want(errnoFbig, "fd_allocate", fd, 1<<62, 1<<63)
		c.want(errnoSuccess, "fd_sync", fd)
		c.want(errnoSuccess, "fd_datasync", fd)
		c.want(errnoSuccess, "fd_close", fd)
		for _, call := range [][]uint64{{fd, atResult}} {
			c.want(errnoBadf, "fd_tell", call...)
			c.want(errnoBadf, "fd_filestat_get", call...)
		}
	})
}

func TestFileFlags(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, fdflagAppend|fdflagSync)
		write := func(s string) {
			t.Helper()
			c.want(errnoSuccess, "fd_seek", fd, 0, whenceSet, atResult)
			list, count := c.buffer(s)
			c.want(errnoSuccess, "fd_write", fd, list, count, atResult)
		}
		write("one ")
		write("two")
		c.want(errnoNotsup, "fd_fdstat_set_flags", fd, 0) // sync is for good
		c.want(errnoSuccess, "fd_fdstat_set_flags", fd, uint64(fdflagSync))
		write("ONE")
		c.want(errnoSuccess, "fd_fdstat_get", fd, atResult)
		if f := fdflags(le.Uint16(c.mem.bytes[atResult+2:])); f != fdflagSync {
			t.Errorf("flags %b", f)
		}
		if got, err := os.ReadFile(filepath.Join(data, "file")); err != nil || string(got) != "ONE two" {
			t.Errorf("content %q, %v", got, err)
		}
	})
}

// TestLargeTransfers: what is beyond one of our buffers is left for the next call.
func TestLargeTransfers(t *testing.T) {
	withFiles(t, func(c *caller, _, _ string) {
		const size = 1 << 20
		c.mem.bytes = make([]byte, atBuffer+size)
		for i := range c.mem.bytes[atBuffer:] {
			c.mem.bytes[atBuffer+i] = byte(i * 7 >> 3)
		}
		want := slices.Clone(c.mem.bytes[atBuffer:])
		fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
		transfer := func(name string) {
			t.Helper()
			for at, calls := uint32(0), 0; at < size; calls++ {
				c.iovec(atIovec, atBuffer+at, size-at)
				c.want(errnoSuccess, name, fd, atIovec, 1, atResult)
				n := c.u32(atResult)
				if n == 0 || n > maxTransfer || calls > size/maxFileBuffer {
					t.Fatalf("%s moved %d at %d", name, n, at)
				}
				at += n
			}
		}
		transfer("fd_write")
		clear(c.mem.bytes[atBuffer:])
		c.want(errnoSuccess, "fd_seek", fd, 0, whenceSet, atResult)
		transfer("fd_read")
		if !slices.Equal(c.mem.bytes[atBuffer:], want) {
			t.Error("what was read is not what was written")
		}
	})
}

// TestRightsOfFiles: a descriptor can do what it was opened for.
func TestRightsOfFiles(t *testing.T) {
	withFiles(t, func(c *caller, _, _ string) {
		list, count := c.buffer("x")
		all := map[string]struct {
			need rights
			args []uint64
		}{
			"fd_advise":             {rightFdAdvise, []uint64{0, 0, 0}},
			"fd_allocate":           {rightFdAllocate, []uint64{0, 1}},
			"fd_datasync":           {rightFdDatasync, nil},
			"fd_fdstat_set_flags":   {rightFdFdstatSetFlags, []uint64{0}},
			"fd_filestat_get":       {rightFdFilestatGet, []uint64{atResult}},
			"fd_filestat_set_size":  {rightFdFilestatSetSize, []uint64{1}},
			"fd_filestat_set_times": {rightFdFilestatSetTimes, []uint64{0, 0, 0}},
			"fd_pread":              {rightFdRead | rightFdSeek, []uint64{list, count, 0, atResult}},
			"fd_pwrite":             {rightFdWrite | rightFdSeek, []uint64{list, count, 0, atResult}},
			"fd_read":               {rightFdRead, []uint64{list, count, atResult}},
			"fd_seek":               {rightFdSeek, []uint64{1, whenceSet, atResult}},
			"fd_sync":               {rightFdSync, nil},
			"fd_tell":               {rightFdTell, []uint64{atResult}},
			"fd_write":              {rightFdWrite, []uint64{list, count, atResult}},
		}
		const readWrite = rightFdRead | rightFdWrite
		for name, f := range all {
			// The host's descriptor is open for both; the guest gave up what is not needed.
			fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
			params := append([]uint64{fd}, f.args...)
			c.want(errnoSuccess, "fd_fdstat_set_rights", fd, uint64(f.need), 0)
			if got := c.call(name, params...); got != errnoSuccess && got != errnoNotsup {
				t.Errorf("%s with its rights: errno %d", name, got)
			}
			c.want(errnoNotcapable, "fd_fdstat_set_rights", fd, uint64(fileRights), 0)
			c.want(errnoSuccess, "fd_close", fd)

			fd = c.mustOpen(fdData, "file", 0, fileRights&^(f.need&^readWrite), 0)
			params[0] = fd
			want := errnoNotcapable
			switch {
			case f.need&^readWrite == 0:
				c.want(errnoSuccess, "fd_fdstat_set_rights", fd, uint64(fileRights&^f.need), 0)
				want = errnoBadf
			case name == "fd_tell":
				c.want(errnoSuccess, "fd_fdstat_set_rights", fd, uint64(fileRights&^(rightFdTell|rightFdSeek)), 0)
			}
			c.want(want, name, params...)
			c.want(errnoSuccess, "fd_close", fd)
		}
	})
}

// TestRightsAreInherited: what is opened in a folder has no more than the folder passes on.
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
		if base, _ := rightsOf(fd); base != rightFdRead {
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

// TestPaths is each path function, once for what it does and once each for how it fails.
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

// TestReadOnlyGrant: every call that changes something says that it can't be.
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

// readdir decodes what fd_readdir puts into size bytes, leaving out an entry cut off; whole tells
// whether it was the end.
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

// TestReaddir reads a large folder by buffers of many sizes, the largest of which are filled by more
// than one part.
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
		for _, size := range []uint32{sizeDirent + 60, 256, 4096, maxFileBuffer - 1, maxFileBuffer, 100_000, 2 * maxFileBuffer, 900_000} {
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

// TestFileDescriptorLimit: what can't get a number is not opened.
func TestFileDescriptorLimit(t *testing.T) {
	data, fixed := newGrants(t)
	withProcess(t, Config{Grants: grantsOf(data, fixed), Descriptors: 6}, func(c *caller) {
		fd := c.mustOpen(fdData, "one", oflagCreat, 0, 0)
		if _, e := c.open(fdData, "two", oflagCreat, 0, 0); e != errnoMfile {
			t.Errorf("open beyond the limit: errno %d", e)
		}
		if _, err := os.Lstat(filepath.Join(data, "two")); err == nil {
			t.Error("the file was made")
		}
		c.want(errnoSuccess, "fd_close", fd)
		c.mustOpen(fdData, "two", oflagCreat, 0, 0)
	})
}

// TestFilePointers calls every function on files with numbers that go wrong, in each parameter in
// turn. What they do is not held, but that they end, in memory, and that a place for a result that
// is none is found out before anything is opened.
func TestFilePointers(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
		for _, f := range append(fileFunctions(), pathFunctions()...) {
			for at := range f.params {
				for _, v := range extremes {
					for _, first := range []uint64{fd, fdData, fdFixed} {
						params := make([]uint64, len(f.params))
						for i := range params {
							params[i] = 64
						}
						params[0] = first
						params[at] = v
						if f.name == "fd_allocate" {
							params[2] = min(params[2], 1<<20)
						}
						c.call(f.name, params...)
					}
				}
			}
		}
		path, n := c.str(atPath, "new")
		c.want(errnoFault, "path_open", fdData, 0, path, n, uint64(oflagCreat), 0, 0, 0, math.MaxUint32-2)
		if _, err := os.Lstat(filepath.Join(data, "new")); err == nil {
			t.Error("the file was made")
		}
	})
}

// TestFileOp: while the file system is slow, the op can be seen; a cancel does not wait for it; and
// what it opens after all is closed.
func TestFileOp(t *testing.T) {
	data, fixed := newGrants(t)
	if err := os.WriteFile(filepath.Join(data, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	started, ended := make(chan *Process, 1), make(chan struct{})
	wait, task := startProcess(t, Config{Grants: grantsOf(data, fixed)}, func(c *caller) {
		defer close(ended)
		occupy(c.Driver(), release)
		started <- c.Process
		c.mustOpen(fdData, "file", 0, rightFdRead, 0)
		t.Error("path_open returned")
	})
	p := <-started
	for len(p.Ops()) == 0 {
		runtime.Gosched()
	}
	if ops := p.Ops(); len(ops) != 1 || ops[0].Kind != "file" || ops[0].Target != "/data/file" || ops[0].Start.IsZero() {
		t.Errorf("ops: %+v", ops)
	}
	task.Cancel(errStop)
	<-ended
	close(release)
	if err := wait(); err == nil || !errors.Is(task.Err(), errStop) {
		t.Errorf("ended by %v", err)
	}
	if open := openFiles(t, data); len(open) > 0 {
		t.Errorf("still open: %v", open)
	}
}

// occupy takes all threads of the blocking pool until release is closed.
func occupy(d *driver.Driver, release chan struct{}) {
	for range 64 {
		d.Go(func() { <-release })
	}
}

// openFiles returns what this process has open beneath a folder.
func openFiles(t *testing.T, dir string) []string {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skip(err)
	}
	var all []string
	for _, fd := range fds {
		if path, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && strings.HasPrefix(path, dir) {
			all = append(all, path)
		}
	}
	return all
}
