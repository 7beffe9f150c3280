package wasip1

import (
	"io"
	"math"
	"time"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// fileFunctions are the fd_* functions that work on files and folders only.
func fileFunctions() []function {
	return []function{
		{"fd_advise", "iIIi", fdAdvise},
		{"fd_allocate", "iII", fdAllocate},
		{"fd_datasync", "i", fdDatasync},
		{"fd_filestat_set_size", "iI", fdFilestatSetSize},
		{"fd_filestat_set_times", "iIIi", fdFilestatSetTimes},
		{"fd_pread", "iiiIi", fdPread},
		{"fd_prestat_dir_name", "iii", fdPrestatDirName},
		{"fd_prestat_get", "ii", fdPrestatGet},
		{"fd_pwrite", "iiiIi", fdPwrite},
		{"fd_readdir", "iiiIi", fdReaddir},
		{"fd_seek", "iIii", fdSeek},
		{"fd_sync", "i", fdSync},
		{"fd_tell", "ii", fdTell},
	}
}

// fileRights are the rights that apply to files.
const fileRights = rightFdDatasync | rightFdRead | rightFdSeek | rightFdFdstatSetFlags | rightFdSync |
	rightFdTell | rightFdWrite | rightFdAdvise | rightFdAllocate | rightFdFilestatGet |
	rightFdFilestatSetSize | rightFdFilestatSetTimes | rightPollFdReadwrite

// file is an open regular file. It is always ready to be read and written, as for poll(2).
type file struct {
	fdstat
	*vfs.File
	path string // as the guest would write it; shown to the guest's owner
}

// node is a file or a folder.
type node interface {
	descriptor
	target() string
	entity() vfs.Node
}

func (f *file) target() string   { return f.path }
func (f *file) entity() vfs.Node { return f.File }
func (f *file) close(p *Process, onClosed func()) {
	p.granted.Folders.Close(&p.Call, f.path, f.File, onClosed)
}

func (f *file) op(n uint32) hostcalls.Op { return files.OpBy(f.grant.Lease(), f.path, n) }

func (f *file) read(p *Process, v iovecs) (uint32, errno) {
	return p.readFile(f, v, func(buf []byte, _ int64) (int, error) { return f.Read(buf) })
}

func (f *file) write(p *Process, v iovecs) (uint32, errno) {
	return p.writeFile(f, v, func(buf []byte, _ int64) (int, error) { return f.Write(buf) })
}

func (f *file) filestat(p *Process) (filestat, errno) { return p.statNode(f) }

// readable implements sizer.
func (f *file) readable(p *Process) uint64 {
	s, e := p.statNode(f)
	off, err := f.Tell()
	if e != errnoSuccess || err != nil {
		return 0
	}
	return uint64(max(int64(s.size)-off, 0))
}

// setFlags sets the flags that can be changed of an open file. O_NONBLOCK has no effect on files.
func (f *file) setFlags(p *Process, flags fdflags) errno {
	defer p.AddCostSince(time.Now())
	const fixed = fdflagDsync | fdflagRsync | fdflagSync
	if (flags^f.flags)&fixed != 0 {
		return errnoNotsup
	}
	return fileErrno(f.SetAppend(flags&fdflagAppend != 0))
}

// file returns the file fd, which must have the rights need. For a folder it returns errnoBadf, for other
// descriptors, which have no offset, errnoSpipe.
func (p *Process) file(fd uint32, need rights) (*file, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	switch d := d.(type) {
	case *file:
		_, e := p.descriptor(fd, need)
		return d, e
	case *folder:
		return nil, errnoBadf
	default:
		return nil, errnoSpipe
	}
}

// node returns the file or folder fd, which must have the rights need.
func (p *Process) node(fd uint32, need rights) (node, errno) {
	d, e := p.descriptor(fd, need)
	if e != errnoSuccess {
		return nil, e
	}
	n, ok := d.(node)
	if !ok {
		return nil, errnoInval
	}
	return n, errnoSuccess
}

// runFileOp runs an operation on the blocking pool that has no result to release. What it reads of the caller's is the
// caller's again if it returns errnoNotcapable, see blocking.
func (p *Process) runFileOp(by *lease.Lease, op hostcalls.Op, job func() error) errno {
	var err error
	if e := p.blocking(by, op, func() { err = job() }, nil); e != errnoSuccess {
		return e
	}
	return fileErrno(err)
}

func (p *Process) statNode(n node) (filestat, errno) {
	var s vfs.Stat
	e := p.runFileOp(n.stat().grant.Lease(), files.Op(n.target(), 0), func() (err error) {
		s, err = n.entity().Stat()
		return err
	})
	if e != errnoSuccess {
		return filestat{}, e
	}
	return filestatOf(s), errnoSuccess
}

// fdAdvise: fd_advise(fd, offset, len, advice).
func fdAdvise(p *Process, _ memory, a args) errno {
	f, e := p.file(a.u32(0), rightFdAdvise)
	if e != errnoSuccess {
		return e
	}
	if a.u32(3) > uint32(vfs.NoReuse) {
		return errnoInval
	}
	// Preview 1 and vfs have the same numbers.
	advice := vfs.Advice(a.u32(3))
	return p.runFileOp(f.grant.Lease(), f.op(0), func() error { return f.Advise(a.i64(1), a.i64(2), advice) })
}

// fdAllocate: fd_allocate(fd, offset, len).
func fdAllocate(p *Process, _ memory, a args) errno {
	f, e := p.file(a.u32(0), rightFdAllocate)
	if e != errnoSuccess {
		return e
	}
	off, n := a.u64(1), a.u64(2)
	if n == 0 {
		return errnoInval
	}
	if off > math.MaxInt64 || n > math.MaxInt64-off {
		return errnoFbig
	}
	return p.runFileOp(f.grant.Lease(), f.op(0), func() error { return f.Allocate(int64(off), int64(n)) })
}

// fdDatasync: fd_datasync(fd).
func fdDatasync(p *Process, _ memory, a args) errno {
	n, e := p.node(a.u32(0), rightFdDatasync)
	if e != errnoSuccess {
		return e
	}
	return p.runFileOp(n.stat().grant.Lease(), files.Op(n.target(), 0), n.entity().DataSync)
}

// fdSync: fd_sync(fd).
func fdSync(p *Process, _ memory, a args) errno {
	n, e := p.node(a.u32(0), rightFdSync)
	if e != errnoSuccess {
		return e
	}
	return p.runFileOp(n.stat().grant.Lease(), files.Op(n.target(), 0), n.entity().Sync)
}

// fdFilestatSetSize: fd_filestat_set_size(fd, size).
func fdFilestatSetSize(p *Process, _ memory, a args) errno {
	f, e := p.file(a.u32(0), rightFdFilestatSetSize)
	if e != errnoSuccess {
		return e
	}
	size := a.u64(1)
	if size > math.MaxInt64 {
		return errnoFbig
	}
	return p.runFileOp(f.grant.Lease(), f.op(0), func() error { return f.Truncate(int64(size)) })
}

// fdFilestatSetTimes: fd_filestat_set_times(fd, atim, mtim, fst_flags).
func fdFilestatSetTimes(p *Process, _ memory, a args) errno {
	n, e := p.node(a.u32(0), rightFdFilestatSetTimes)
	if e != errnoSuccess {
		return e
	}
	atime, mtime, e := timesOf(a.u64(1), a.u64(2), a.u32(3))
	if e != errnoSuccess {
		return e
	}
	return p.runFileOp(n.stat().grant.Lease(), files.Op(n.target(), 0), func() error { return n.entity().SetTimes(atime, mtime) })
}

// fdPread: fd_pread(fd, iovs, iovs_len, offset, *nread).
func fdPread(p *Process, m memory, a args) errno {
	f, e := p.file(a.u32(0), rightFdRead|rightFdSeek)
	if e != errnoSuccess {
		return e
	}
	off := a.i64(3)
	return p.transfer(f, m, a.u32(1), a.u32(2), a.u32(4), func(p *Process, v iovecs) (uint32, errno) {
		return p.readFile(f, v, func(buf []byte, before int64) (int, error) { return f.ReadAt(buf, off+before) })
	})
}

// fdPwrite: fd_pwrite(fd, iovs, iovs_len, offset, *nwritten).
func fdPwrite(p *Process, m memory, a args) errno {
	f, e := p.file(a.u32(0), rightFdWrite|rightFdSeek)
	if e != errnoSuccess {
		return e
	}
	off := a.i64(3)
	return p.transfer(f, m, a.u32(1), a.u32(2), a.u32(4), func(p *Process, v iovecs) (uint32, errno) {
		return p.writeFile(f, v, func(buf []byte, before int64) (int, error) { return f.WriteAt(buf, off+before) })
	})
}

// Values of whence.
const (
	whenceSet = iota
	whenceCur
	whenceEnd
)

// fdSeek: fd_seek(fd, offset, whence, *newoffset). Only seeking from the end may block in the file system.
func fdSeek(p *Process, m memory, a args) errno {
	off, whence := a.i64(1), a.u32(2)
	if whence == whenceCur && off == 0 {
		return p.tell(m, a.u32(0), a.u32(3))
	}
	f, e := p.file(a.u32(0), rightFdSeek)
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(3), 8); e != errnoSuccess {
		return e
	}
	var at int64
	seek := func(whence int) func() error {
		return func() (err error) {
			at, err = f.Seek(off, whence)
			return err
		}
	}
	start := time.Now()
	switch whence {
	case whenceSet:
		e = fileErrno(seek(io.SeekStart)())
		p.AddCostSince(start)
	case whenceCur:
		e = fileErrno(seek(io.SeekCurrent)())
		p.AddCostSince(start)
	case whenceEnd:
		e = p.runFileOp(f.grant.Lease(), f.op(0), seek(io.SeekEnd))
	default:
		e = errnoInval
	}
	if e != errnoSuccess {
		return e
	}
	return m.putUint64(a.u32(3), uint64(at))
}

// fdTell: fd_tell(fd, *offset).
func fdTell(p *Process, m memory, a args) errno { return p.tell(m, a.u32(0), a.u32(1)) }

// tell requires the right to tell or the right to seek, which includes it.
func (p *Process) tell(m memory, fd, result uint32) errno {
	f, e := p.file(fd, 0)
	if e != errnoSuccess {
		return e
	}
	if f.base&(rightFdTell|rightFdSeek) == 0 {
		return errnoNotcapable
	}
	start := time.Now()
	off, err := f.Tell()
	p.AddCostSince(start)
	if err != nil {
		return fileErrno(err)
	}
	return m.putUint64(result, uint64(off))
}
