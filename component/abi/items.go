package abi

import "github.com/reactord/reactord/component/types"

// Items are values of one type, one after the other in a guest's memory: what a copy of a stream or future moves.
type Items struct {
	Context *Context
	Type    *types.Type // nil: they have no value
	At      uint32      // their address
}

// Check returns a *Trap unless the memory has room for n items.
func (s Items) Check(n uint32) error {
	if s.Type == nil || n == 0 {
		return nil
	}
	if s.Context.Memory == nil {
		return trapf("the function has no memory")
	}
	s.Context.view()
	size := uint64(n) * uint64(s.Type.Size)
	if size > uint64(len(s.Context.mem)) {
		return trapf("%d items of %d bytes are beyond the memory of %d bytes", n, s.Type.Size, len(s.Context.mem))
	}
	return s.Context.area(s.At, int(size), s.Type.Align, "the buffer")
}

// Skip returns the items without the first n.
func (s Items) Skip(n uint32) Items {
	if s.Type != nil {
		s.At += n * s.Type.Size
	}
	return s
}

// Reader reads n items.
func (s Items) Reader(n uint32) Reader {
	s.Context.view()
	return Reader{c: s.Context, of: s.list(), n: n, at: place{at: int(s.At)}}
}

// Writer writes n items.
func (s Items) Writer(n uint32) Writer {
	s.Context.view()
	s.Context.owed += int(n)
	return Writer{c: s.Context, of: s.list(), n: n, at: place{at: int(s.At)}}
}

// Bytes returns the n items, whose type is u8.
func (s Items) Bytes(n uint32) []byte {
	s.Context.view()
	return s.Context.mem[s.At : s.At+n]
}

// list returns the type of a list of the items.
func (s Items) list() *types.Type { return &types.Type{Kind: types.List, Elem: s.Type} }

// CopyItems copies n items, for which both memories have room. The first error ends the calls on both sides.
func CopyItems(to, from Items, n uint32) error {
	t := from.Type
	if t == nil || n == 0 {
		return nil
	}
	m := mover{from: from.Context, to: to.Context}
	m.from.view()
	m.to.view()
	err := m.items(t, int(from.At), int(to.At), int(n))
	if err == nil {
		err = m.from.charge(nil)
	}
	if err == nil {
		err = m.to.charge(nil)
	}
	return err
}

func (m *mover) items(t *types.Type, p, q, n int) error {
	switch size := n * int(t.Size); {
	case t.Plain:
		return m.moveBytes(p, q, size)
	case numeric(t):
		return m.moveNumbers(t, p, q, size)
	}
	for i := range n {
		if err := m.move(t, place{at: p + i*int(t.Size)}, place{at: q + i*int(t.Size)}); err != nil {
			return inElement(err, i)
		}
	}
	return nil
}
