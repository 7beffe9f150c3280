package abi

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// lift returns the tree of a value.
func (c *Context) lift(t *types.Type, p place) (v value.Value, err error) {
	if err := c.work(valueWork); err != nil {
		return v, err
	}
	switch t.Kind {
	case types.String:
		var text string
		text, err = c.liftText(p)
		v.Bytes = bytesIn(text)
	case types.List, types.Map:
		return c.liftList(t, p)
	case types.Record, types.Tuple:
		return c.liftRecord(t, p)
	case types.Variant, types.Enum, types.Option, types.Result:
		return c.liftVariant(t, p)
	default:
		v.Bits, err = c.load(t, p)
	}
	return v, err
}

func (c *Context) liftRecord(t *types.Type, p place) (v value.Value, err error) {
	if v.Items, err = c.values(len(t.Fields)); err != nil {
		return v, err
	}
	return v, c.liftFields(t.Fields, p, v.Items)
}

func (c *Context) liftFields(fields []types.Field, p place, items []value.Value) (err error) {
	slot := 0
	for i := range fields {
		f := &fields[i]
		if items[i], err = c.lift(f.Type, p.field(f, slot)); err != nil {
			return inField(err, fieldName(f, i))
		}
		slot += int(f.Type.Flat)
	}
	return nil
}

func (c *Context) liftVariant(t *types.Type, p place) (v value.Value, err error) {
	n, err := c.loadCase(t, p)
	if err != nil {
		return v, err
	}
	v.Bits = uint64(n)
	payload := t.Cases[n].Type
	if payload == nil {
		return v, nil
	}
	if v.Items, err = c.values(1); err != nil {
		return v, err
	}
	v.Items[0], err = c.lift(payload, p.payload(t))
	return v, inField(err, t.Cases[n].Name)
}

// list is the elements of a list or map, whose area has been checked.
type list struct {
	elem  *types.Type
	n     int
	first place
}

// listIn reads where the elements of a list are.
func (c *Context) listIn(t *types.Type, p place) (list, error) {
	if t.Fixed {
		return list{elem: t.Elem, n: int(t.Length), first: p}, nil
	}
	l := list{elem: elemOf(t)}
	ptr, n := c.pair(p)
	l.n, l.first.at = int(n), int(ptr)
	size := l.n * int(l.elem.Size)
	if err := c.area(ptr, size, l.elem.Align, "a list"); err != nil {
		return l, err
	}
	if size > maxListBytes {
		return l, trapf("a list of %d bytes is longer than %d", size, maxListBytes)
	}
	return l, nil
}

// elemOf returns the type of the elements of a list or map.
func elemOf(t *types.Type) *types.Type {
	if t.Kind == types.Map {
		return t.Entry
	}
	return t.Elem
}

// place returns where an element is.
func (l *list) place(i int) place {
	if l.first.flat {
		return place{true, l.first.at + i*int(l.elem.Flat)}
	}
	return place{at: l.first.at + i*int(l.elem.Size)}
}

func (c *Context) liftList(t *types.Type, p place) (v value.Value, err error) {
	l, err := c.listIn(t, p)
	if err != nil {
		return v, err
	}
	if t.Elem.Kind == types.U8 && t.Kind == types.List {
		v.Bytes, err = c.liftBytes(&l)
		return v, err
	}
	switch l.elem.Kind {
	case types.Record, types.Tuple:
		return c.liftRecords(t, &l)
	}
	if v.Items, err = c.values(l.n); err != nil {
		return v, err
	}
	for i := range v.Items {
		if v.Items[i], err = c.lift(l.elem, l.place(i)); err != nil {
			return v, inElement(err, i)
		}
	}
	return v, nil
}

// liftRecords returns a list of records, whose fields are allocated together, or a map.
func (c *Context) liftRecords(t *types.Type, l *list) (v value.Value, err error) {
	width := len(l.elem.Fields)
	fields, err := c.values(l.n * width)
	if err != nil {
		return v, err
	}
	if v.Items = fields; t.Kind != types.Map {
		if v.Items, err = c.values(l.n); err != nil {
			return v, err
		}
	}
	for i := range l.n {
		record := fields[i*width : (i+1)*width : (i+1)*width]
		if err := c.liftFields(l.elem.Fields, l.place(i), record); err != nil {
			return v, inElement(err, i)
		}
		if t.Kind != types.Map {
			v.Items[i].Items = record
		}
	}
	return v, nil
}

// liftBytes returns a list<u8>.
func (c *Context) liftBytes(l *list) ([]byte, error) {
	if err := c.spend(l.n); err != nil {
		return nil, err
	}
	if !l.first.flat {
		var b strings.Builder // unlike make, it does not clear what is written over anyway
		b.Grow(l.n)
		err := c.chunks(l.n, func(i, n int) { b.Write(c.mem[l.first.at+i : l.first.at+i+n]) })
		return bytesIn(b.String()), err
	}
	b := make([]byte, l.n)
	for i := range b {
		b[i] = byte(c.in[l.first.at+i])
	}
	return b, nil
}

// lower puts the tree of a value where the guest has it.
func (c *Context) lower(t *types.Type, v *value.Value, p place) error {
	if err := c.work(valueWork); err != nil {
		return err
	}
	switch t.Kind {
	case types.String:
		if !utf8.Valid(v.Bytes) {
			return misuse("a string that is not UTF-8")
		}
		return c.lowerText(p, v.Bytes)
	case types.List, types.Map:
		return c.lowerList(t, v, p)
	case types.Record, types.Tuple:
		if len(v.Items) != len(t.Fields) {
			return misuse("a value of %d fields for a %v of %d", len(v.Items), t.Kind, len(t.Fields))
		}
		return c.lowerFields(t.Fields, v.Items, p)
	case types.Variant, types.Enum, types.Option, types.Result:
		return c.lowerVariant(t, v, p)
	default:
		return c.store(t, p, v.Bits)
	}
}

func (c *Context) lowerFields(fields []types.Field, items []value.Value, p place) error {
	slot := 0
	for i := range fields {
		f := &fields[i]
		if err := c.lower(f.Type, &items[i], p.field(f, slot)); err != nil {
			return inField(err, fieldName(f, i))
		}
		slot += int(f.Type.Flat)
	}
	return nil
}

func (c *Context) lowerVariant(t *types.Type, v *value.Value, p place) error {
	if v.Bits >= uint64(len(t.Cases)) {
		return misuse("case %d of %d cases", v.Bits, len(t.Cases))
	}
	chosen := &t.Cases[v.Bits]
	if (chosen.Type != nil) != (len(v.Items) == 1) {
		return misuse("%d payloads for case %q", len(v.Items), chosen.Name)
	}
	c.storeCase(t, p, int(v.Bits))
	if chosen.Type == nil {
		return nil
	}
	return inField(c.lower(chosen.Type, &v.Items[0], p.payload(t)), chosen.Name)
}

// newList allocates the elements of a list, unless its length is fixed, and says where they are.
func (c *Context) newList(t *types.Type, n int, p place) (list, error) {
	first, err := c.allocList(t, n, p)
	return list{elem: elemOf(t), n: n, first: first}, err
}

// allocList is newList with the place of the first element. It has little on the stack, since realloc runs guest code.
func (c *Context) allocList(t *types.Type, n int, p place) (first place, err error) {
	elem := elemOf(t)
	if t.Fixed || n > maxListBytes/int(elem.Size) {
		return p, lengthFault(t, n)
	}
	first.at, err = c.alloc(n*int(elem.Size), elem.Align)
	if err == nil {
		c.setPair(p, first.at, uint32(n))
	}
	return first, err
}

// lengthFault says what is wrong with a length that is not the one of the type, or too long.
//
//go:noinline
func lengthFault(t *types.Type, n int) error {
	switch {
	case !t.Fixed:
		return trapf("a list of %d elements is longer than %d bytes", n, maxListBytes)
	case n != int(t.Length):
		return misuse("%d elements for a list of %d", n, t.Length)
	}
	return nil
}

func (c *Context) lowerList(t *types.Type, v *value.Value, p place) error {
	switch {
	case t.Kind == types.Map:
		return c.lowerMap(t, v, p)
	case t.Elem.Kind == types.U8:
		return c.lowerBytes(t, v.Bytes, p)
	}
	l, err := c.newList(t, len(v.Items), p)
	if err != nil {
		return err
	}
	for i := range v.Items {
		if err := c.lower(l.elem, &v.Items[i], l.place(i)); err != nil {
			return inElement(err, i)
		}
	}
	return nil
}

func (c *Context) lowerMap(t *types.Type, v *value.Value, p place) error {
	if len(v.Items)%2 != 0 {
		return misuse("a map with a key that has no value")
	}
	l, err := c.newList(t, len(v.Items)/2, p)
	if err != nil {
		return err
	}
	for i := range l.n {
		if err := c.lowerFields(l.elem.Fields, v.Items[2*i:2*i+2], l.place(i)); err != nil {
			return inElement(err, i)
		}
	}
	return nil
}

func (c *Context) lowerBytes(t *types.Type, b []byte, p place) error {
	l, err := c.newList(t, len(b), p)
	if err != nil {
		return err
	}
	if l.first.flat {
		for i := range b {
			c.out[l.first.at+i] = uint64(b[i])
		}
		return nil
	}
	return c.chunks(l.n, func(i, n int) { copy(c.mem[l.first.at+i:], b[i:i+n]) })
}

// fieldName is what a path has for a field.
func fieldName(f *types.Field, i int) string {
	if f.Name != "" {
		return f.Name
	}
	return strconv.Itoa(i)
}
