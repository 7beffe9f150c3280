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
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/files"

	"github.com/reactord/reactord/hostcalls"
)

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
	})
}

func TestFileSeek(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		if err := os.WriteFile(filepath.Join(data, "file"), make([]byte, 12), 0o666); err != nil {
			t.Fatal(err)
		}
		fd := c.mustOpen(fdData, "file", 0, fileRights, 0)
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
		c.iovec(atIovec, atBuffer, 10)
		c.want(errnoSuccess, "fd_read", fd, atIovec, 1, atResult)
		if n := c.u32(atResult); n != 0 {
			t.Errorf("read %d beyond the end", n)
		}
	})
}

func TestFileAttributes(t *testing.T) {
	withFiles(t, func(c *caller, _, _ string) {
		fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
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

// TestLargeTransfers: one call moves all that it is asked to, from and to several buffers, in pieces that do not end
// where the buffers do.
func TestLargeTransfers(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		const size = 1<<20 + 12345
		lengths := []uint32{100_000, 0, 7, files.MaxBuffer, 1, size - 100_008 - files.MaxBuffer}
		c.mem.bytes = make([]byte, atBuffer+size)
		fill := func() {
			for i := range c.mem.bytes[atBuffer:] {
				c.mem.bytes[atBuffer+i] = byte(i * 7 >> 3)
			}
		}
		fill()
		want := slices.Clone(c.mem.bytes[atBuffer:])
		at := uint32(atBuffer)
		for i, n := range lengths {
			c.iovec(atIovec+uint32(i)*sizeIovec, at, n)
			at += n
		}
		list, count := uint64(atIovec), uint64(len(lengths))
		for _, f := range []fdflags{0, fdflagAppend} {
			fd := c.mustOpen(fdData, fmt.Sprintf("file%d", f), oflagCreat, fileRights, f)
			moved := func(name string, want uint32, params ...uint64) {
				t.Helper()
				c.want(errnoSuccess, name, append(append([]uint64{fd, list, count}, params...), atResult)...)
				if n := c.u32(atResult); n != want {
					t.Errorf("%s moved %d, want %d", name, n, want)
				}
			}
			content := func(want []byte) {
				t.Helper()
				if got, err := os.ReadFile(filepath.Join(data, fmt.Sprintf("file%d", f))); err != nil || !slices.Equal(got, want) {
					t.Errorf("the file has %d bytes, which are not those that were written (%v)", len(got), err)
				}
			}
			moved("fd_write", size)
			content(want)
			if f == 0 {
				moved("fd_pwrite", size, 10)
				content(slices.Concat(want[:10], want))
				c.want(errnoSuccess, "fd_filestat_set_size", fd, 0)
				moved("fd_pwrite", size, 0)
			}
			clear(c.mem.bytes[atBuffer:])
			moved("fd_pread", size, 0)
			if !slices.Equal(c.mem.bytes[atBuffer:], want) {
				t.Error("fd_pread: what was read is not what was written")
			}
			moved("fd_pread", 3, size-3)
			moved("fd_read", 0)
			fill()
			c.want(errnoSuccess, "fd_seek", fd, files.MaxBuffer, whenceSet, atResult)
			moved("fd_read", size-files.MaxBuffer)
			if !slices.Equal(c.mem.bytes[atBuffer:][:size-files.MaxBuffer], want[files.MaxBuffer:]) {
				t.Error("fd_read: what was read is not what was written")
			}
			fill()
		}
	})
}

// TestPieces: a call ends with the first piece that is moved in part or fails. Bytes moved before an error are reported,
// and the next call meets the error.
func TestPieces(t *testing.T) {
	const whole = files.MaxBuffer
	for _, tt := range []struct {
		name   string
		total  uint32
		moves  []uint32 // bytes moved by each move; then comes an error
		before []int64  // the argument of each move
		want   uint32
		e      errno
	}{
		{"one piece", 10, []uint32{10}, []int64{0}, 10, errnoSuccess},
		{"three", 2*whole + 1, []uint32{whole, whole, 1}, []int64{0, whole, 2 * whole}, 2*whole + 1, errnoSuccess},
		{"the end of a file", 3 * whole, []uint32{whole, 5}, []int64{0, whole}, whole + 5, errnoSuccess},
		{"the end between pieces", 3 * whole, []uint32{whole, 0}, []int64{0, whole}, whole, errnoSuccess},
		{"an error at first", 3 * whole, nil, []int64{0}, 0, errnoNospc},
		{"an error later", 3 * whole, []uint32{whole}, []int64{0, whole}, whole, errnoSuccess},
	} {
		m, _ := lists(1<<20, tt.total)
		v, e := m.iovecs(0, 1)
		if e != errnoSuccess {
			t.Fatal(e)
		}
		var told []int64
		n, e := pieces(v, func(_ iovecs, before int64) (uint32, errno) {
			told = append(told, before)
			if len(told) > len(tt.moves) {
				return 0, errnoNospc
			}
			return tt.moves[len(told)-1], errnoSuccess
		})
		if n != tt.want || e != tt.e || !slices.Equal(told, tt.before) {
			t.Errorf("%s: moved %d, errno %d, told %d; want %d, %d, %d", tt.name, n, e, told, tt.want, tt.e, tt.before)
		}
	}
}

// TestRightsOfFiles: a descriptor has the rights that it was opened with.
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
			// The host's descriptor is open for both; the guest has given up the rights that it does not need.
			fd := c.mustOpen(fdData, "file", oflagCreat, fileRights, 0)
			params := append([]uint64{fd}, f.args...)
			c.want(errnoSuccess, "fd_fdstat_set_rights", fd, uint64(f.need), 0)
			if got := c.call(name, params...); got != errnoSuccess && got != errnoNotsup {
				t.Errorf("%s with its rights: errno %d", name, got)
			}
			c.want(errnoNotcapable, "fd_fdstat_set_rights", fd, uint64(fileRights), 0)
			c.want(errnoSuccess, "fd_close", fd)

			fd = c.mustOpen(fdData, "file", 0, fileRights, 0)
			params[0] = fd
			give, want := f.need&^readWrite, errnoNotcapable
			switch {
			case give == 0:
				give, want = f.need, errnoBadf
			case name == "fd_tell":
				give |= rightFdSeek
			}
			c.want(errnoSuccess, "fd_fdstat_set_rights", fd, uint64(fileRights&^give), 0)
			c.want(want, name, params...)
			c.want(errnoSuccess, "fd_close", fd)
		}
	})
}

// TestRightsNotAskedFor: a descriptor opened only for reading, only for writing or for neither has the other rights that
// POSIX gives, without asking for them.
func TestRightsNotAskedFor(t *testing.T) {
	withFiles(t, func(c *caller, data, _ string) {
		if err := os.WriteFile(filepath.Join(data, "file"), []byte("content"), 0o666); err != nil {
			t.Fatal(err)
		}
		list, count := c.buffer("x")
		for _, tt := range []struct {
			base rights
			name string
			args []uint64
			want errno
		}{
			{rightFdRead, "fd_datasync", nil, errnoSuccess},
			{rightFdRead, "fd_sync", nil, errnoSuccess},
			{rightFdRead, "fd_seek", []uint64{1, whenceSet, atResult}, errnoSuccess},
			{rightFdRead, "fd_pread", []uint64{list, count, 0, atResult}, errnoSuccess},
			{rightFdRead, "fd_filestat_get", []uint64{atResult}, errnoSuccess},
			{rightFdRead, "fd_filestat_set_times", []uint64{0, 0, uint64(fstMtimNow)}, errnoSuccess},
			{rightFdRead, "fd_write", []uint64{list, count, atResult}, errnoBadf},
			{rightFdRead, "fd_pwrite", []uint64{list, count, 0, atResult}, errnoBadf},
			{rightFdRead, "fd_filestat_set_size", []uint64{0}, errnoInval},
			{rightFdRead, "fd_allocate", []uint64{0, 1}, errnoBadf},
			{rightFdWrite, "fd_pwrite", []uint64{list, count, 0, atResult}, errnoSuccess},
			{rightFdWrite, "fd_filestat_set_size", []uint64{7}, errnoSuccess},
			{rightFdWrite, "fd_read", []uint64{list, count, atResult}, errnoBadf},
			{0, "fd_read", []uint64{list, count, atResult}, errnoBadf},
		} {
			fd := c.mustOpen(fdData, "file", 0, tt.base, 0)
			c.want(tt.want, tt.name, append([]uint64{fd}, tt.args...)...)
			c.want(errnoSuccess, "fd_close", fd)
		}
		ptr, n := c.str(atPath, ".")
		c.want(errnoSuccess, "path_open", fdData, 0, ptr, n, uint64(oflagDirectory), 0, 0, 0, atResult)
		sub := uint64(c.u32(atResult))
		c.want(errnoNotcapable, "fd_readdir", sub, atBuffer, 100, 0, atResult)
		c.mustOpen(sub, "file", oflagTrunc, rightFdRead|rightFdWrite, 0)
	})
}

// TestFileDescriptorLimit: a file that can't get a number is not opened.
func TestFileDescriptorLimit(t *testing.T) {
	data, fixed := newGrants(t)
	withProcess(t, abi.Config{Grants: grantsOf(data, fixed), Descriptors: 6}, func(c *caller) {
		fd := c.mustOpen(fdData, "one", oflagCreat, 0, 0)
		if _, e := c.open(fdData, "two", oflagCreat, 0, 0); e != errnoMfile {
			t.Errorf("open beyond the limit: errno %d", e)
		}
		if _, err := os.Lstat(filepath.Join(data, "two")); err == nil {
			t.Error("the file was made")
		}
		if r := c.Refusal(); r == nil || *r != (abi.Refusal{Kind: abi.RefusedDescriptor, Want: 7, Limit: 6}) {
			t.Errorf("the refusal is %+v", r)
		}
		c.want(errnoSuccess, "fd_close", fd)
		c.mustOpen(fdData, "two", oflagCreat, 0, 0)
	})
}

// TestFilePointers calls every function on files with extreme numbers, in each parameter in turn. It checks only that the
// calls end and stay in memory, and that an invalid pointer for a result is detected before anything is opened.
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

// TestFileOp: while the file system is slow, the op is visible, and a cancel does not wait for it. A file that it opens
// afterwards is closed.
func TestFileOp(t *testing.T) {
	data, fixed := newGrants(t)
	if err := os.WriteFile(filepath.Join(data, "file"), nil, 0o666); err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	started, ended := make(chan *Process, 1), make(chan struct{})
	wait, task := startProcess(t, abi.Config{Grants: grantsOf(data, fixed)}, func(c *caller) {
		defer close(ended)
		occupy(c, release)
		started <- c.Process
		c.mustOpen(fdData, "file", 0, rightFdRead, 0)
		t.Error("path_open returned")
	})
	p := <-started
	for len(p.AppendOps(nil)) == 0 {
		runtime.Gosched()
	}
	if ops := p.AppendOps(nil); len(ops) != 1 || ops[0].Kind != hostcalls.OpFile || ops[0].Target != "/data/file" || ops[0].Start.IsZero() {
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

// occupy uses all threads of the blocking pool that the file system of /data may use, until release is closed.
func occupy(c *caller, release chan struct{}) {
	lane := c.granted.Folders.Lane(&c.Call, files.Op("/data", 0))
	for i := range 64 {
		c.Driver().Go(driver.Job{Owner: fmt.Sprint("other", i), Lane: lane, Run: func() { <-release }})
	}
}

// openFiles returns the files that this process has open beneath a folder.
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
