package wasip1

func argFunctions() []function {
	return []function{
		{"args_get", "ii", func(p *Process, m memory, a args) errno {
			return putStrings(m, p.args, a.u32(0), a.u32(1))
		}},
		{"args_sizes_get", "ii", func(p *Process, m memory, a args) errno {
			return putStringSizes(m, p.args, a.u32(0), a.u32(1))
		}},
		{"environ_get", "ii", func(p *Process, m memory, a args) errno {
			return putStrings(m, p.env, a.u32(0), a.u32(1))
		}},
		{"environ_sizes_get", "ii", func(p *Process, m memory, a args) errno {
			return putStringSizes(m, p.env, a.u32(0), a.u32(1))
		}},
	}
}

// stringsSize is the bytes that values take with a NUL after each.
func stringsSize(values []string) (n uint64) {
	for _, v := range values {
		n += uint64(len(v)) + 1
	}
	return n
}

// putStringSizes writes how many values there are and how many bytes they take.
func putStringSizes(m memory, values []string, count, size uint32) errno {
	n := stringsSize(values)
	if uint64(uint32(n)) != n {
		return errnoOverflow
	}
	if e := m.writable(size, 4); e != errnoSuccess {
		return e
	}
	if e := m.putUint32(count, uint32(len(values))); e != errnoSuccess {
		return e
	}
	return m.putUint32(size, uint32(n))
}

// putStrings writes the values one after the other at buf, a NUL after each, and a pointer to each
// into the array at vector.
func putStrings(m memory, values []string, vector, buf uint32) errno {
	n := stringsSize(values)
	if uint64(uint32(n)) != n {
		return errnoOverflow
	}
	pointers, e := m.array(vector, uint32(len(values)), 4)
	if e != errnoSuccess {
		return e
	}
	chars, e := m.bytes(buf, uint32(n))
	if e != errnoSuccess {
		return e
	}
	at := 0
	for i, v := range values {
		le.PutUint32(pointers[4*i:], buf+uint32(at))
		at += copy(chars[at:], v)
		chars[at] = 0
		at++
	}
	return errnoSuccess
}
