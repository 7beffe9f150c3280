package wasip1

import (
	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// folderRights are the rights that apply to folders. A read-only grant has them too: vfs refuses each change,
// with errnoRofs. If a folder did not pass on the right to write, wasi-libc would open files for reading only
// that it was told to open for reading and writing.
const folderRights = rightFdDatasync | rightFdFdstatSetFlags | rightFdSync | rightPathCreateDirectory |
	rightPathCreateFile | rightPathLinkSource | rightPathLinkTarget | rightPathOpen | rightFdReaddir |
	rightPathReadlink | rightPathRenameSource | rightPathRenameTarget | rightPathFilestatGet |
	rightPathFilestatSetSize | rightPathFilestatSetTimes | rightFdFilestatGet |
	rightFdFilestatSetTimes | rightPathSymlink | rightPathRemoveDirectory | rightPathUnlinkFile |
	rightPollFdReadwrite

// folder is an open folder.
type folder struct {
	fdstat
	*vfs.Dir
	path    string // as the guest would write it; shown to the guest's owner
	granted bool   // it is a grant, whose path fd_prestat_dir_name returns
}

func (f *folder) target() string   { return f.path }
func (f *folder) entity() vfs.Node { return f.Dir }

func (f *folder) close(p *Process, onClosed func()) {
	if f.Dir == nil { // it was revoked before the process started
		onClosed()
		return
	}
	p.granted.Folders.Close(&p.Call, f.path, f.Dir, onClosed)
}

func (f *folder) filestat(p *Process) (filestat, errno) { return p.statNode(f) }

// beneath returns the path of a path in f, as shown to the guest's owner.
func (f *folder) beneath(path string) string { return files.Beneath(f.path, path) }

// folder returns the folder fd, which must have the rights need.
func (p *Process) folder(fd uint32, need rights) (*folder, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	f, ok := d.(*folder)
	if !ok {
		return nil, errnoNotdir
	}
	_, e = p.descriptor(fd, need)
	return f, e
}

// grant returns the folder grant fd. The error for any other descriptor ends the search of programs for
// preopened folders.
func (p *Process) grant(fd uint32) (*folder, errno) {
	d, e := p.fds.at(fd)
	if e != errnoSuccess {
		return nil, e
	}
	if f, ok := d.(*folder); ok && f.granted {
		return f, errnoSuccess
	}
	return nil, errnoBadf
}

// fdPrestatGet: fd_prestat_get(fd, *prestat). The record is the tag, 0 for a folder, then the length of its
// path.
func fdPrestatGet(p *Process, m memory, a args) errno {
	f, e := p.grant(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	buf, e := m.bytes(a.u32(1), sizePrestat)
	if e != errnoSuccess {
		return e
	}
	clear(buf)
	le.PutUint32(buf[4:], uint32(len(f.path)))
	return errnoSuccess
}

// fdPrestatDirName: fd_prestat_dir_name(fd, path, path_len).
func fdPrestatDirName(p *Process, m memory, a args) errno {
	f, e := p.grant(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	if uint64(a.u32(2)) < uint64(len(f.path)) {
		return errnoNametoolong
	}
	p.charge(copyCost(len(f.path)))
	buf, e := m.bytes(a.u32(1), uint32(len(f.path)))
	if e != errnoSuccess {
		return e
	}
	copy(buf, f.path)
	return errnoSuccess
}

// fdReaddir: fd_readdir(fd, buf, buf_len, cookie, *bufused). The buffer is filled to its end, if need be with
// part of an entry, unless the folder has no more entries. By that the guest knows the end.
func fdReaddir(p *Process, m memory, a args) errno {
	f, e := p.folder(a.u32(0), rightFdReaddir)
	if e != errnoSuccess {
		return e
	}
	ptr, size, cookie, result := a.u32(1), a.u32(2), a.u64(3), a.u32(4)
	if e := m.writable(ptr, size); e != errnoSuccess {
		return e
	}
	if e := m.writable(result, 4); e != errnoSuccess {
		return e
	}
	used := uint32(0)
	for used < size {
		part := listing{next: cookie, last: size-used <= files.MaxBuffer}
		e := p.list(f, &part, size-used)
		if e == errnoSuccess {
			var out []byte
			if out, e = m.bytes(ptr+used, uint32(part.n)); e == errnoSuccess {
				copy(out, part.buf.Bytes)
			}
		}
		part.buf.GiveBack()
		if e != errnoSuccess {
			return e
		}
		p.charge(copyCost(part.n))
		used += uint32(part.n)
		if part.ended {
			break
		}
		cookie = part.next
	}
	return m.putUint32(result, used)
}

// list fills a part of a listing with at most n bytes, on the blocking pool.
func (p *Process) list(f *folder, part *listing, n uint32) errno {
	var err error
	job := *part // the part is the caller's again once the job is given up
	e := p.blocking(f.grant.Lease(), files.Op(f.path, n), func() {
		job.buf = files.Borrow(n)
		job.ended = true // add resets it if an entry does not fit
		err = f.List(job.next, job.add)
	}, func() { job.buf.GiveBack() })
	if e != errnoSuccess {
		return e
	}
	*part = job
	return fileErrno(err)
}

// listing is a part of a folder's entries as preview 1 encodes them.
type listing struct {
	buf   files.Buffer
	n     int    // bytes used
	next  uint64 // cookie of what follows the last whole entry
	last  bool   // fill buf to its end with part of an entry
	ended bool   // there are no more entries
}

// add appends a dirent: d_next, d_ino, d_namlen, d_type, then the name.
func (l *listing) add(e vfs.Entry) bool {
	var head [sizeDirent]byte
	le.PutUint64(head[0:], e.Next)
	le.PutUint64(head[8:], e.Ino)
	le.PutUint32(head[16:], uint32(len(e.Name)))
	head[20] = byte(filetypeOf(e.Type))
	room := l.buf.Bytes[l.n:]
	if len(room) < len(head)+len(e.Name) {
		l.ended = false
		if l.last {
			n := copy(room, head[:])
			l.n += n + copy(room[n:], e.Name)
		}
		return false
	}
	copy(room, head[:])
	l.n += len(head) + copy(room[len(head):], e.Name)
	l.next = e.Next
	return true
}
