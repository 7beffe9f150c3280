package wasip1

func argFunctions() []function {
	return []function{
		{"args_get", "ii", func(p *Process, m memory, a args) errno {
			return p.putStrings(m, p.args, a.u32(0), a.u32(1))
		}},
		{"args_sizes_get", "ii", func(p *Process, m memory, a args) errno {
			return putStringSizes(m, p.args, a.u32(0), a.u32(1))
		}},
		{"environ_get", "ii", func(p *Process, m memory, a args) errno {
			return p.putStrings(m, p.env, a.u32(0), a.u32(1))
		}},
		{"environ_sizes_get", "ii", func(p *Process, m memory, a args) errno {
			return putStringSizes(m, p.env, a.u32(0), a.u32(1))
		}},
	}
}

// stringList is a list of strings, and their size in bytes with a NUL after each.
type stringList struct {
	values []string
	size   uint64
}

func newStringList(values []string) stringList {
	l := stringList{values: values}
	for _, v := range values {
		l.size += uint64(len(v)) + 1
	}
	return l
}

// putStringSizes writes the number of strings and their size.
func putStringSizes(m memory, list stringList, count, size uint32) errno {
	if uint64(uint32(list.size)) != list.size {
		return errnoOverflow
	}
	if e := m.writable(size, 4); e != errnoSuccess {
		return e
	}
	if e := m.putUint32(count, uint32(len(list.values))); e != errnoSuccess {
		return e
	}
	return m.putUint32(size, uint32(list.size))
}

// stringCost is the cost of a string, in addition to its bytes.
const stringCost = 20

// putStrings writes the values one after the other at buf, a NUL after each, and a pointer to each
// into the array at vector.
func (p *Process) putStrings(m memory, list stringList, vector, buf uint32) errno {
	if uint64(uint32(list.size)) != list.size {
		return errnoOverflow
	}
	if _, e := m.array(vector, uint32(len(list.values)), 4); e != errnoSuccess {
		return e
	}
	if e := m.writable(buf, uint32(list.size)); e != errnoSuccess {
		return e
	}
	for i, v := range list.values {
		p.charge(stringCost)
		if e := m.putUint32(vector+4*uint32(i), buf); e != errnoSuccess {
			return e
		}
		if e := p.putString(m, buf, v); e != errnoSuccess {
			return e
		}
		buf += uint32(len(v)) + 1
	}
	return errnoSuccess
}

// putString writes v and a NUL at ptr, piece by piece.
func (p *Process) putString(m memory, ptr uint32, v string) errno {
	for {
		piece := v[:min(len(v), pieceBytes)]
		p.charge(copyCost(len(piece)))
		out, e := m.bytes(ptr, uint32(len(piece))+1)
		if e != errnoSuccess {
			return e
		}
		copy(out, piece)
		if v = v[len(piece):]; len(v) == 0 {
			out[len(piece)] = 0
			return errnoSuccess
		}
		ptr += uint32(len(piece))
	}
}
