package wasip1

import (
	"errors"

	"github.com/reactord/reactord/hostcalls/files"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// pathFunctions are the functions on paths, each beneath an open folder.
func pathFunctions() []function {
	return []function{
		{"path_create_directory", "iii", pathCreateDirectory},
		{"path_filestat_get", "iiiii", pathFilestatGet},
		{"path_filestat_set_times", "iiiiIIi", pathFilestatSetTimes},
		{"path_link", "iiiiiii", pathLink},
		{"path_open", "iiiiiIIii", pathOpen},
		{"path_readlink", "iiiiii", pathReadlink},
		{"path_remove_directory", "iii", pathRemoveDirectory},
		{"path_rename", "iiiiii", pathRename},
		{"path_symlink", "iiiii", pathSymlink},
		{"path_unlink_file", "iii", pathUnlinkFile},
	}
}

// lookupFollow (lookupflags) follows a link if it is a path's last name.
const lookupFollow = 1

// oflags are the flags of path_open.
type oflags uint16

const (
	oflagCreat oflags = 1 << iota
	oflagDirectory
	oflagExcl
	oflagTrunc

	oflagsAll = oflagCreat | oflagDirectory | oflagExcl | oflagTrunc
)

// pathAt returns the folder fd, which must have the rights need, and the path at ptr.
func (p *Process) pathAt(m memory, fd uint32, need rights, ptr, n uint32) (*folder, string, errno) {
	f, e := p.folder(fd, need)
	if e != errnoSuccess {
		return nil, "", e
	}
	path, e := p.path(m, ptr, n)
	return f, path, e
}

// pathCost is the cost of a byte of a path, which is checked, copied, and kept for Ops.
const pathCost = 2

// path returns the path of n bytes at ptr.
func (p *Process) path(m memory, ptr, n uint32) (string, errno) {
	p.charge(int64(min(n, maxPath)) * pathCost)
	return m.path(ptr, n)
}

// runPathOp runs an operation on one path on the blocking pool.
func (p *Process) runPathOp(f *folder, path string, op func(path string) error) errno {
	e := p.runFileOp(f.grant.Lease(), files.Op(f.beneath(path), 0), func() error { return op(path) })
	if e == errnoNotcapable && !revoked(f) {
		p.granted.Folders.Outside(f.beneath(path))
	}
	return e
}

// pathCreateDirectory: path_create_directory(fd, path, path_len).
func pathCreateDirectory(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathCreateDirectory, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	return p.runPathOp(f, path, f.Mkdir)
}

// pathRemoveDirectory: path_remove_directory(fd, path, path_len).
func pathRemoveDirectory(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathRemoveDirectory, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	return p.runPathOp(f, path, f.Rmdir)
}

// pathUnlinkFile: path_unlink_file(fd, path, path_len).
func pathUnlinkFile(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathUnlinkFile, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	return p.runPathOp(f, path, f.Unlink)
}

// pathFilestatGet: path_filestat_get(fd, flags, path, path_len, *filestat).
func pathFilestatGet(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathFilestatGet, a.u32(2), a.u32(3))
	if e != errnoSuccess {
		return e
	}
	follow, e := followOf(a.u32(1))
	if e != errnoSuccess {
		return e
	}
	var s vfs.Stat
	e = p.runPathOp(f, path, func(path string) (err error) {
		s, err = f.Lstat(path, follow)
		return err
	})
	if e != errnoSuccess {
		return e
	}
	buf, e := m.bytes(a.u32(4), sizeFilestat)
	if e != errnoSuccess {
		return e
	}
	st := filestatOf(s)
	st.put(buf)
	return errnoSuccess
}

// pathFilestatSetTimes: path_filestat_set_times(fd, flags, path, path_len, atim, mtim, fst_flags).
func pathFilestatSetTimes(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathFilestatSetTimes, a.u32(2), a.u32(3))
	if e != errnoSuccess {
		return e
	}
	follow, e := followOf(a.u32(1))
	if e != errnoSuccess {
		return e
	}
	atime, mtime, e := timesOf(a.u64(4), a.u64(5), a.u32(6))
	if e != errnoSuccess {
		return e
	}
	return p.runPathOp(f, path, func(path string) error { return f.SetTimesOf(path, follow, atime, mtime) })
}

// pathLink: path_link(old_fd, old_flags, old_path, old_path_len, new_fd, new_path, new_path_len).
// Like other hosts, it does not follow a link at the old path.
func pathLink(p *Process, m memory, a args) errno {
	from, path, e := p.pathAt(m, a.u32(0), rightPathLinkSource, a.u32(2), a.u32(3))
	if e != errnoSuccess {
		return e
	}
	to, newPath, e := p.pathAt(m, a.u32(4), rightPathLinkTarget, a.u32(5), a.u32(6))
	if e != errnoSuccess {
		return e
	}
	if a.u32(1) != 0 {
		return errnoInval
	}
	return p.runPathOp(from, path, func(path string) error { return from.Link(path, to.Dir, newPath) })
}

// pathRename: path_rename(fd, old_path, old_path_len, new_fd, new_path, new_path_len).
func pathRename(p *Process, m memory, a args) errno {
	from, path, e := p.pathAt(m, a.u32(0), rightPathRenameSource, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	to, newPath, e := p.pathAt(m, a.u32(3), rightPathRenameTarget, a.u32(4), a.u32(5))
	if e != errnoSuccess {
		return e
	}
	return p.runPathOp(from, path, func(path string) error { return from.Rename(path, to.Dir, newPath) })
}

// pathSymlink: path_symlink(old_path, old_path_len, fd, new_path, new_path_len).
func pathSymlink(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(2), rightPathSymlink, a.u32(3), a.u32(4))
	if e != errnoSuccess {
		return e
	}
	target, e := p.path(m, a.u32(0), a.u32(1))
	if e != errnoSuccess {
		return e
	}
	return p.runFileOp(f.grant.Lease(), files.Op(f.beneath(path), 0), func() error { return f.Symlink(target, path) })
}

// pathReadlink: path_readlink(fd, path, path_len, buf, buf_len, *bufused). The target is cut to the buffer.
func pathReadlink(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathReadlink, a.u32(1), a.u32(2))
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(3), a.u32(4)); e != errnoSuccess {
		return e
	}
	var target string
	e = p.runPathOp(f, path, func(path string) (err error) {
		target, err = f.Readlink(path)
		return err
	})
	if e != errnoSuccess {
		return e
	}
	buf, e := m.bytes(a.u32(3), min(a.u32(4), uint32(len(target))))
	if e != errnoSuccess {
		return e
	}
	return m.putUint32(a.u32(5), uint32(copy(buf, target)))
}

// pathOpen: path_open(fd, dirflags, path, path_len, oflags, rights_base, rights_inheriting, fdflags,
// *fd).
func pathOpen(p *Process, m memory, a args) errno {
	f, path, e := p.pathAt(m, a.u32(0), rightPathOpen, a.u32(2), a.u32(3))
	if e != errnoSuccess {
		return e
	}
	follow, e := followOf(a.u32(1))
	if e != errnoSuccess {
		return e
	}
	if a.u32(4)&^uint32(oflagsAll) != 0 || a.u32(7)&^uint32(fdflagsAll) != 0 {
		return errnoInval
	}
	o := openParams{
		flags:   oflags(a.u32(4)),
		base:    rights(a.u64(5)),
		fdflags: fdflags(a.u32(7)),
	}
	if e := o.allowed(f.fdstat); e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(8), 4); e != errnoSuccess {
		return e
	}
	if p.fds.full() {
		return p.refuseDescriptor()
	}
	how := o.how(follow)
	var n vfs.Node
	var err error
	e = p.blocking(f.grant.Lease(), files.Op(f.beneath(path), 0),
		func() { n, err = f.Open(path, how) },
		func() {
			if n != nil {
				_ = n.Close()
			}
		})
	if e != errnoSuccess {
		return e
	}
	if err != nil {
		if errors.Is(err, vfs.ErrEscapes) {
			p.granted.Folders.Outside(f.beneath(path))
		}
		p.noteShortage(err)
		return fileErrno(err)
	}
	d := o.descriptor(n, f, path)
	p.holdNode(d.stat(), f.grant.Lease(), f.beneath(path), n)
	return p.install(m, d, a.u32(8))
}

// openParams are the parameters of path_open.
type openParams struct {
	flags   oflags
	base    rights
	fdflags fdflags
}

// allowed checks a folder's rights. Programs may ask for more rights than the folder passes on, as those do
// that ask for all, except for the rights to read and to write: without these the descriptor would not do what
// was asked for.
func (o openParams) allowed(folder fdstat) errno {
	base, inheriting := rights(0), o.base&(rightFdRead|rightFdWrite)
	if o.flags&oflagCreat != 0 {
		base |= rightPathCreateFile
	}
	if o.flags&oflagTrunc != 0 && o.base&rightFdWrite == 0 {
		base |= rightPathFilestatSetSize
	}
	if o.fdflags&(fdflagSync|fdflagRsync) != 0 {
		inheriting |= rightFdSync
	}
	if o.fdflags&fdflagDsync != 0 {
		inheriting |= rightFdDatasync
	}
	if base&^folder.base != 0 || inheriting&^folder.inheriting != 0 {
		return errnoNotcapable
	}
	return errnoSuccess
}

// how converts the parameters to those of vfs.
func (o openParams) how(follow bool) vfs.How {
	return vfs.How{
		Read:      o.base&rightFdRead != 0,
		Write:     o.base&rightFdWrite != 0,
		Follow:    follow,
		Folder:    o.flags&oflagDirectory != 0,
		List:      o.base&rightFdReaddir != 0,
		Create:    o.flags&oflagCreat != 0,
		Exclusive: o.flags&oflagExcl != 0,
		Truncate:  o.flags&oflagTrunc != 0,
		Append:    o.fdflags&fdflagAppend != 0,
		Sync:      o.fdflags&(fdflagSync|fdflagRsync) != 0,
		DataSync:  o.fdflags&fdflagDsync != 0,
	}
}

// descriptor makes the descriptor of a node that was opened in a folder. It has all rights that the folder
// passes on and that apply to it, except that it has the rights to read, write and list only if they were asked
// for. Later hosts ignore all other rights, so programs often ask for fewer than they use, for example to fsync
// a file open for reading.
func (o openParams) descriptor(n vfs.Node, in *folder, path string) descriptor {
	const asked = rightFdRead | rightFdWrite | rightFdReaddir
	st := fdstat{flags: o.fdflags, base: in.inheriting &^ (asked &^ o.base), inheriting: in.inheriting}
	path = in.beneath(path)
	if dir, ok := n.(*vfs.Dir); ok {
		st.filetype = filetypeDirectory
		st.base &= folderRights
		return &folder{fdstat: st, Dir: dir, path: path}
	}
	f := n.(*vfs.File)
	st.filetype = filetypeOf(f.Type())
	st.base &= fileRights
	return &file{fdstat: st, File: f, path: path}
}
