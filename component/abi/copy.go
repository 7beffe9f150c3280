package abi

import (
	"encoding/binary"

	"github.com/reactord/reactord/component/types"
)

// Copy writes all values that are left to be read: what one guest passes to another, or returns to it. The first error
// ends the calls on both sides. The types of reader and writer are the same, since they are of one types.Table.
func Copy(w *Writer, r *Reader) {
	m := mover{from: r.c, to: w.c}
	for r.Type() != nil && w.c.err == nil {
		t, from := r.any()
		u, to := w.any()
		if t == nil || u == nil {
			break
		}
		if t != u {
			r.fail(misuse("%v is written as %v", t.Kind, u.Kind))
		} else if err := m.move(t, from, to); err != nil {
			r.fail(err)
		}
	}
	r.c.fail(r.c.charge(w.c.err))
	w.c.fail(w.c.charge(r.c.err))
}

// mover moves values from one guest to another. Where they share a memory, an allocation by one changes the other's view.
type mover struct{ from, to *Context }

func (m *mover) move(t *types.Type, p, q place) error {
	if err := m.to.work(valueWork); err != nil {
		return err
	}
	switch t.Kind {
	case types.String:
		return m.moveText(p, q)
	case types.List, types.Map:
		return m.moveList(t, p, q)
	case types.Record, types.Tuple:
		return m.moveRecord(t, p, q)
	case types.Variant, types.Enum, types.Option, types.Result:
		n, err := m.from.loadCase(t, p)
		if err != nil {
			return err
		}
		m.to.storeCase(t, q, n)
		chosen := &t.Cases[n]
		if chosen.Type == nil {
			return nil
		}
		if err := m.move(chosen.Type, p.payload(t), q.payload(t)); err != nil {
			return inField(err, chosen.Name)
		}
		return nil
	default:
		bits, err := m.from.load(t, p)
		if err != nil {
			return err
		}
		return m.to.store(t, q, bits)
	}
}

func (m *mover) moveRecord(t *types.Type, p, q place) error {
	if t.Plain && !p.flat && !q.flat {
		return m.moveBytes(p.at, q.at, int(t.Size))
	}
	slot := 0
	for i := range t.Fields {
		f := &t.Fields[i]
		if err := m.move(f.Type, p.field(f, slot), q.field(f, slot)); err != nil {
			return inField(err, fieldName(f, i))
		}
		slot += int(f.Type.Flat)
	}
	return nil
}

func (m *mover) moveList(t *types.Type, p, q place) error {
	from, err := m.from.listIn(t, p)
	if err != nil {
		return err
	}
	to, err := m.to.newList(t, from.n, q)
	if err != nil {
		return err
	}
	m.from.view()
	if !from.first.flat && !to.first.flat {
		switch size := from.n * int(from.elem.Size); {
		case from.elem.Plain:
			return m.moveBytes(from.first.at, to.first.at, size)
		case numeric(from.elem):
			return m.moveNumbers(from.elem, from.first.at, to.first.at, size)
		}
	}
	for i := range from.n {
		if err := m.move(from.elem, from.place(i), to.place(i)); err != nil {
			return inElement(err, i)
		}
	}
	return nil
}

// moveBytes moves areas that consist of integers.
func (m *mover) moveBytes(p, q, size int) error {
	dst, src := m.to.mem[q:q+size], m.from.mem[p:p+size]
	return m.to.chunks(size, func(i, n int) { copy(dst[i:i+n], src[i:i+n]) })
}

// numeric is whether values of a type are floating-point numbers, or records of numbers without gaps.
func numeric(t *types.Type) bool {
	switch t.Kind {
	case types.F32, types.F64:
		return true
	case types.Record, types.Tuple:
	default:
		return false
	}
	var size uint32
	for i := range t.Fields {
		switch f := t.Fields[i].Type; {
		case f.Plain, f.Kind == types.F32, f.Kind == types.F64:
			size += f.Size
		default:
			return false
		}
	}
	return size == t.Size && size <= chunk
}

// moveNumbers moves an area of values of a type that is numeric.
func (m *mover) moveNumbers(t *types.Type, p, q, size int) error {
	piece := chunk / int(t.Size) * int(t.Size) // of whole values
	for i := 0; i < size; i += piece {
		n := min(piece, size-i)
		if err := m.to.work(n); err != nil {
			return err
		}
		dst := m.to.mem[q+i : q+i+n]
		copy(dst, m.from.mem[p+i:p+i+n])
		canonicalize(t, dst, int(t.Size))
	}
	return nil
}

// canonicalize changes the NaNs in values of a type, each so many bytes after the one before.
func canonicalize(t *types.Type, b []byte, stride int) {
	switch t.Kind {
	case types.F32:
		canonicalize32(b, stride)
	case types.F64:
		canonicalize64(b, stride)
	case types.Record, types.Tuple:
		for i := range t.Fields {
			if f := &t.Fields[i]; !f.Type.Plain {
				canonicalize(f.Type, b[f.Offset:], stride)
			}
		}
	}
}

func canonicalize32(b []byte, stride int) {
	for i := 0; i+4 <= len(b); i += stride {
		if bits := binary.LittleEndian.Uint32(b[i:]); canonical32(bits) != bits {
			binary.LittleEndian.PutUint32(b[i:], nan32)
		}
	}
}

func canonicalize64(b []byte, stride int) {
	for i := 0; i+8 <= len(b); i += stride {
		if bits := binary.LittleEndian.Uint64(b[i:]); canonical64(bits) != bits {
			binary.LittleEndian.PutUint64(b[i:], nan64)
		}
	}
}

// moveText moves a string. What it allocates, and when, is as the specification has it: the guest can tell.
func (m *mover) moveText(p, q place) error {
	s, err := m.from.textIn(p)
	if err != nil {
		return err
	}
	if err := m.from.checkText(s); err != nil {
		return err
	}
	switch m.to.Encoding {
	case UTF8:
		return m.moveTextUTF8(s, q)
	case UTF16:
		return m.moveTextUTF16(s, q)
	default:
		if m.from.Encoding == Latin1UTF16 {
			return m.moveTextTagged(s, q)
		}
		return m.moveTextLatin1(s, q)
	}
}

// room is what was allocated for a string.
type room struct{ ptr, size int }

// alloc makes room at the destination, or changes it.
func (m *mover) alloc(r *room, align uint32, size int) (err error) {
	r.ptr, err = m.to.realloc(r.ptr, r.size, align, size)
	r.size = size
	m.from.view()
	return err
}

// write writes the string and returns its bytes.
func (m *mover) write(r *room, to form, s text) (int, error) {
	return m.to.write(to, m.to.mem[r.ptr:r.ptr+r.size], s.form, m.from.bytesOf(s))
}

// shrink gives back the room beyond n bytes.
func (m *mover) shrink(r *room, align uint32, n int) error {
	if n == r.size {
		return nil
	}
	return m.alloc(r, align, n)
}

func (m *mover) moveTextUTF8(s text, q place) error {
	var r room
	if err := m.alloc(&r, 1, s.units); err != nil {
		return err
	}
	n, err := m.to.measure(formUTF8, s.form, m.from.bytesOf(s))
	if err != nil {
		return err
	}
	if n == s.units {
		if _, err := m.write(&r, formUTF8, s); err != nil {
			return err
		}
		m.to.setPair(q, r.ptr, uint32(n))
		return nil
	}
	worst := 3 * s.units
	if s.form == formLatin1 {
		worst = 2 * s.units
	}
	if err := m.alloc(&r, 1, worst); err != nil {
		return err
	}
	if n, err = m.write(&r, formUTF8, s); err != nil {
		return err
	}
	if err := m.shrink(&r, 1, n); err != nil {
		return err
	}
	m.to.setPair(q, r.ptr, uint32(n))
	return nil
}

func (m *mover) moveTextUTF16(s text, q place) error {
	var r room
	if err := m.alloc(&r, 2, 2*s.units); err != nil {
		return err
	}
	return m.writeUTF16(&r, s, q, 0)
}

// writeUTF16 writes a string where there is room for it, and gives back the rest.
func (m *mover) writeUTF16(r *room, s text, q place, tag uint32) error {
	n, err := m.write(r, formUTF16, s)
	if err != nil {
		return err
	}
	if err := m.shrink(r, 2, n); err != nil {
		return err
	}
	m.to.setPair(q, r.ptr, uint32(n/2)|tag)
	return nil
}

// moveTextLatin1 moves a string in UTF-8 or UTF-16 to Latin-1 or, if that does not have all characters, to UTF-16.
func (m *mover) moveTextLatin1(s text, q place) error {
	var r room
	if err := m.alloc(&r, 2, s.units); err != nil {
		return err
	}
	latin1, err := m.to.isLatin1(s.form, m.from.bytesOf(s))
	if err != nil {
		return err
	}
	if !latin1 {
		if err := m.alloc(&r, 2, 2*s.units); err != nil {
			return err
		}
		return m.writeUTF16(&r, s, q, utf16Tag)
	}
	n, err := m.write(&r, formLatin1, s)
	if err != nil {
		return err
	}
	if err := m.shrink(&r, 2, n); err != nil {
		return err
	}
	m.to.setPair(q, r.ptr, uint32(n))
	return nil
}

// moveTextTagged moves a string between guests that both have Latin-1 or UTF-16. What is UTF-16 becomes Latin-1 if it
// can.
func (m *mover) moveTextTagged(s text, q place) error {
	var r room
	if err := m.alloc(&r, 2, s.bytes); err != nil {
		return err
	}
	latin1, err := m.to.isLatin1(s.form, m.from.bytesOf(s))
	if err != nil {
		return err
	}
	if !latin1 {
		return m.writeUTF16(&r, s, q, utf16Tag)
	}
	n, err := m.write(&r, formLatin1, s)
	if err != nil {
		return err
	}
	if s.form == formUTF16 {
		if err := m.alloc(&r, 1, n); err != nil {
			return err
		}
	}
	m.to.setPair(q, r.ptr, uint32(n))
	return nil
}
