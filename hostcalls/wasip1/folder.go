package wasip1

import (
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/internal/clip"
)

// folderRights are those that mean something for a folder. Rights are the guest's to give up; that
// a grant is read-only is held by vfs, for every change, and told by errnoRofs: without the right to
// write in what a folder passes on, wasi-libc would open for reading what it was told to open for
// reading and writing.
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
	path    string // for the guest's owner, as the guest would write it
	granted bool   // it is a grant, whose path the guest can ask for
}

func (f *folder) target() string                  { return f.path }
func (f *folder) entity() vfs.Node                { return f.Dir }
func (f *folder) close(p *Process, closed func()) { p.release(f.path, f.Close, closed) }

func (f *folder) filestat(p *Process) (filestat, errno) { return p.statNode(f) }

// beneath returns how a path in f is told to the guest's owner. It is cut where it would become longer
// than paths are: a guest that opens one folder in the other makes it as long as it likes.
func (f *folder) beneath(path string) string {
	switch f.path {
	case "", ".":
	case "/":
		path = "/" + path
	default:
		path = f.path + "/" + path
	}
	return clip.Text(path, maxPath)
}

// openFolder opens a folder grant. An error may be the cause of a cancel.
func (p *Process) openFolder(g capability.Folder, permit capability.Permit) (descriptor, error) {
	p.granted.grant(g)
	op := fileOp(g.GuestPath, 0)
	var dir *vfs.Dir
	var err error
	cancelled := p.Blocking(op, p.lane(op),
		func() { dir, err = openPermitted(g, permit) },
		func() {
			if dir != nil {
				_ = dir.Close()
			}
		})
	if cancelled != nil {
		return nil, cancelled
	}
	if err != nil {
		return nil, err
	}
	return &folder{
		fdstat:  fdstat{filetype: filetypeDirectory, base: folderRights, inheriting: folderRights | fileRights},
		Dir:     dir,
		path:    g.GuestPath,
		granted: true,
	}, nil
}

// openPermitted opens what is permitted, and not what may have taken its place since.
func openPermitted(g capability.Folder, permit capability.Permit) (*vfs.Dir, error) {
	if permit == nil {
		return vfs.OpenDir(g.HostPath, g.ReadOnly)
	}
	exact, err := permit.Dir(g.HostPath)
	if err != nil {
		return nil, err
	}
	return vfs.OpenDirExactly(exact, g.ReadOnly)
}

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

// grant returns the folder grant fd. The error for anything else is what ends the search for
// preopened folders that programs start with.
func (p *Process) grant(fd uint32) (*folder, errno) {
	d, e := p.fds.get(fd)
	if e != errnoSuccess {
		return nil, e
	}
	if f, ok := d.(*folder); ok && f.granted {
		return f, errnoSuccess
	}
	return nil, errnoBadf
}

// fdPrestatGet: fd_prestat_get(fd, *prestat). The tag, 0 for a folder, then the length of its path.
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

// fdReaddir: fd_readdir(fd, buf, buf_len, cookie, *bufused). The buffer is filled to its end, the
// last entry cut off if need be, unless the folder ends before: that is how the guest tells.
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
		part := listing{next: cookie, last: size-used <= maxFileBuffer}
		e := p.list(f, &part, size-used)
		if e == errnoSuccess {
			var out []byte
			if out, e = m.bytes(ptr+used, uint32(part.n)); e == errnoSuccess {
				copy(out, part.buf.bytes)
			}
		}
		part.buf.giveBack()
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
	p.blocking(fileOp(f.path, n), func() {
		part.buf = borrow(n)
		part.ended = true // unless there is no room for an entry
		err = f.List(part.next, part.add)
	}, func() { part.buf.giveBack() })
	return fileErrno(err)
}

// listing is a part of a folder's entries as preview 1 encodes them.
type listing struct {
	buf   fileBuffer
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
	room := l.buf.bytes[l.n:]
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
