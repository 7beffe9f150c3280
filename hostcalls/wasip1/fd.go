package wasip1

// The functions that work on any descriptor. Those for files and folders only are in file.go and folder.go.

func fdFunctions() []function {
	return []function{
		{"fd_close", "i", fdClose},
		{"fd_renumber", "ii", fdRenumber},
		{"fd_fdstat_get", "ii", fdFdstatGet},
		{"fd_fdstat_set_flags", "ii", fdFdstatSetFlags},
		{"fd_fdstat_set_rights", "iII", fdFdstatSetRights},
		{"fd_filestat_get", "ii", fdFilestatGet},
		{"fd_read", "iiii", fdRead},
		{"fd_write", "iiii", fdWrite},
	}
}

// fdClose: fd_close(fd).
func fdClose(p *Process, _ memory, a args) errno {
	d, e := p.fds.remove(a.u32(0))
	if e == errnoSuccess {
		p.drop(d)
	}
	return e
}

// fdRenumber: fd_renumber(fd, to). The descriptor that had the number to is closed.
func fdRenumber(p *Process, _ memory, a args) errno {
	d, e := p.fds.renumber(a.u32(0), a.u32(1))
	if d != nil {
		p.drop(d)
	}
	return e
}

// fdFdstatGet: fd_fdstat_get(fd, *fdstat).
func fdFdstatGet(p *Process, m memory, a args) errno {
	d, e := p.fds.at(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	buf, e := m.bytes(a.u32(1), sizeFdstat)
	if e == errnoSuccess {
		st := *d.stat()
		if revoked(d) {
			st.base, st.inheriting = 0, 0
		}
		st.put(buf)
	}
	return e
}

// fdFdstatSetFlags: fd_fdstat_set_flags(fd, flags).
func fdFdstatSetFlags(p *Process, _ memory, a args) errno {
	d, e := p.descriptor(a.u32(0), rightFdFdstatSetFlags)
	if e != errnoSuccess {
		return e
	}
	if a.u32(1)&^uint32(fdflagsAll) != 0 {
		return errnoInval
	}
	flags := fdflags(a.u32(1))
	if s, ok := d.(flagSetter); ok {
		if e := s.setFlags(p, flags); e != errnoSuccess {
			return e
		}
	}
	d.stat().flags = flags
	return errnoSuccess
}

// fdFdstatSetRights: fd_fdstat_set_rights(fd, base, inheriting). Rights can only be removed.
func fdFdstatSetRights(p *Process, _ memory, a args) errno {
	d, e := p.fds.get(a.u32(0))
	if e != errnoSuccess {
		return e
	}
	s, base, inheriting := d.stat(), rights(a.u64(1)), rights(a.u64(2))
	if base&^s.base != 0 || inheriting&^s.inheriting != 0 {
		return errnoNotcapable
	}
	s.base, s.inheriting = base, inheriting
	return errnoSuccess
}

// fdFilestatGet: fd_filestat_get(fd, *filestat). Descriptors other than files have only a type.
func fdFilestatGet(p *Process, m memory, a args) errno {
	d, e := p.descriptor(a.u32(0), rightFdFilestatGet)
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(a.u32(1), sizeFilestat); e != errnoSuccess {
		return e
	}
	st := filestat{filetype: d.stat().filetype}
	if s, ok := d.(statter); ok {
		if st, e = s.filestat(p); e != errnoSuccess {
			return e
		}
	}
	buf, e := m.bytes(a.u32(1), sizeFilestat)
	if e == errnoSuccess {
		st.put(buf)
	}
	return e
}

// fdRead: fd_read(fd, iovs, iovs_len, *nread).
func fdRead(p *Process, m memory, a args) errno {
	d, e := p.descriptor(a.u32(0), rightFdRead)
	if e != errnoSuccess {
		return e
	}
	r, ok := d.(reader)
	if !ok {
		return errnoInval
	}
	return p.transfer(d, m, a.u32(1), a.u32(2), a.u32(3), r.read)
}

// fdWrite: fd_write(fd, iovs, iovs_len, *nwritten).
func fdWrite(p *Process, m memory, a args) errno {
	d, e := p.descriptor(a.u32(0), rightFdWrite)
	if e != errnoSuccess {
		return e
	}
	w, ok := d.(writer)
	if !ok {
		return errnoInval
	}
	return p.transfer(d, m, a.u32(1), a.u32(2), a.u32(3), w.write)
}

// transfer does a read or a write of d: it charges for the list, decodes it and checks the pointer of the result,
// then calls move, which charges for the bytes, piece by piece. Only of datagrams are there empty ones to move.
func (p *Process) transfer(d descriptor, m memory, list, count, result uint32,
	move func(*Process, iovecs) (uint32, errno),
) errno {
	v, e := p.buffers(m, list, count)
	if e != errnoSuccess {
		return e
	}
	if e := m.writable(result, 4); e != errnoSuccess {
		return e
	}
	n := uint32(0)
	if v.total > 0 || d.stat().filetype == filetypeSocketDgram {
		if n, e = move(p, v); e != errnoSuccess {
			return e
		}
	}
	return m.putUint32(result, n)
}

// buffers charges for a list of buffers and decodes it.
func (p *Process) buffers(m memory, list, count uint32) (iovecs, errno) {
	if count <= maxIovecs {
		p.charge(int64(count) * iovecCost)
	}
	return m.iovecs(list, count)
}
