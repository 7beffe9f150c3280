package abi

import (
	"math"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Reader reads values in their order: parameters, the fields of a record, the elements of a list. Records and lists among
// them have readers of their own, to be read at any time. The payload of a variant is simply the next value:
//
//	path := r.String()
//	if r.Option() {
//		mode = r.U32()
//	}
//
// A value that is wrong ends the call: from then on all readers and writers of the Context do nothing, and Context.Err
// says why. So it suffices to look at that once everything has been read.
type Reader struct {
	c    *Context
	of   *types.Type // the record or tuple whose fields are read, or the list or map
	n, i uint32
	at   place // of the next value if flat, else of the first one

	payload   *types.Type // of the variant read last, or nil; it comes next
	payloadAt place
}

// ReadParams reads what a guest passes to a lowered function. The stack is that of the call. Parameters in memory are
// read from there when the reader gets to them, so a guest that runs meanwhile may change them.
func (p *Plan) ReadParams(c *Context, stack []uint64) Reader {
	r := Reader{c: c, of: &p.params, n: uint32(len(p.params.Fields))}
	if !p.ParamsInMemory {
		r.at.flat, c.in = true, stack
		return r
	}
	c.view()
	r.at.at = int(uint32(stack[0]))
	if err := c.area(uint32(stack[0]), p.size, p.params.Align, "the parameters"); err != nil {
		c.fail(err)
	}
	return r
}

// ReadResult reads what a lifted function has returned. If it returns nothing, there is nothing to read.
func (p *Plan) ReadResult(c *Context, stack []uint64) Reader {
	result := p.Func.Result
	if result == nil {
		return Reader{c: c}
	}
	r := Reader{c: c, of: &p.result, n: 1}
	if !p.ResultInMemory {
		r.at.flat, c.in = true, stack
		return r
	}
	c.view()
	r.at.at = int(uint32(stack[0]))
	if err := c.area(uint32(stack[0]), int(result.Size), result.Align, "the result"); err != nil {
		c.fail(err)
	}
	return r
}

// Len returns how many values are left to be read, without a payload: none after an error.
func (r *Reader) Len() int {
	if r.c.err != nil {
		return 0
	}
	return int(r.n - r.i)
}

// Type returns the type of the next value, or nil if there is none, as after an error.
func (r *Reader) Type() *types.Type {
	switch {
	case r.c.err != nil:
		return nil
	case r.payload != nil:
		return r.payload
	case r.i >= r.n:
		return nil
	case r.of.Fields != nil:
		return r.of.Fields[r.i].Type
	}
	return elemOf(r.of)
}

// any goes on to the next value. The type is nil if there is none, or after an error.
func (r *Reader) any() (*types.Type, place) {
	t := r.Type()
	if t == nil {
		r.c.fail(misuse("nothing is left to be read"))
		return nil, place{}
	}
	if t.Flat > 1 || !r.at.flat {
		r.c.view() // guest code may have run since the last value
	}
	if r.payload != nil {
		r.payload = nil
		return t, r.payloadAt
	}
	at := r.at
	switch {
	case at.flat:
		r.at.at += int(t.Flat)
	case r.of.Fields != nil:
		at.at += int(r.of.Fields[r.i].Offset)
	default:
		at.at += int(r.i) * int(t.Size)
	}
	r.i++
	return t, at
}

// next goes on to the next value, which must be of a kind.
func (r *Reader) next(kind types.Kind) (*types.Type, place) {
	t, at := r.any()
	if t != nil && t.Kind != kind {
		r.fail(misuse("%v is read as %v", t.Kind, kind))
		return nil, place{}
	}
	return t, at
}

// fail ends the call with an error of the value that was read last.
func (r *Reader) fail(err error) {
	switch i := int(r.i - 1); {
	case r.of.Fields == nil:
		err = inElement(err, i)
	case r.of.Fields[i].Name != "" || r.n > 1: // but for a result
		err = inField(err, fieldName(&r.of.Fields[i], i))
	}
	r.c.fail(err)
}

func (r *Reader) scalar(kind types.Kind) uint64 {
	t, at := r.next(kind)
	if t == nil {
		return 0
	}
	bits, err := r.c.load(t, at)
	if err != nil {
		r.fail(err)
		return 0
	}
	return bits
}

// Bool reads a bool.
func (r *Reader) Bool() bool { return r.scalar(types.Bool) != 0 }

// S8 reads an s8.
func (r *Reader) S8() int8 { return int8(r.scalar(types.S8)) }

// U8 reads a u8.
func (r *Reader) U8() uint8 { return uint8(r.scalar(types.U8)) }

// S16 reads an s16.
func (r *Reader) S16() int16 { return int16(r.scalar(types.S16)) }

// U16 reads a u16.
func (r *Reader) U16() uint16 { return uint16(r.scalar(types.U16)) }

// S32 reads an s32.
func (r *Reader) S32() int32 { return int32(r.scalar(types.S32)) }

// U32 reads a u32.
func (r *Reader) U32() uint32 { return uint32(r.scalar(types.U32)) }

// S64 reads an s64.
func (r *Reader) S64() int64 { return int64(r.scalar(types.S64)) }

// U64 reads a u64.
func (r *Reader) U64() uint64 { return r.scalar(types.U64) }

// F32 reads an f32. There is only one NaN.
func (r *Reader) F32() float32 { return math.Float32frombits(uint32(r.scalar(types.F32))) }

// F64 reads an f64. There is only one NaN.
func (r *Reader) F64() float64 { return math.Float64frombits(r.scalar(types.F64)) }

// Char reads a char.
func (r *Reader) Char() rune { return rune(r.scalar(types.Char)) }

// Flags reads flags. The first label is the lowest bit.
func (r *Reader) Flags() uint32 { return uint32(r.scalar(types.Flags)) }

// Own reads an own handle, which the guest has no more, and returns the representation.
func (r *Reader) Own() uint32 { return uint32(r.scalar(types.Own)) }

// Borrow reads a handle that is lent until the call ends, and returns the representation.
func (r *Reader) Borrow() uint32 { return uint32(r.scalar(types.Borrow)) }

// Stream reads the readable end of a stream, which the guest has no more.
func (r *Reader) Stream() uint64 { return r.scalar(types.Stream) }

// Future reads the readable end of a future, which the guest has no more.
func (r *Reader) Future() uint64 { return r.scalar(types.Future) }

// String reads a string.
func (r *Reader) String() string {
	t, at := r.next(types.String)
	if t == nil {
		return ""
	}
	s, err := r.c.liftText(at)
	if err = r.c.charge(err); err != nil {
		r.fail(err)
		return ""
	}
	return s
}

// Bytes reads a list<u8> in place: the slice is the guest's memory, which is valid until guest code runs and must not be
// changed. Copying it once has been charged.
func (r *Reader) Bytes() []byte {
	t, at := r.next(types.List)
	if t == nil {
		return nil
	}
	if t.Elem.Kind != types.U8 || t.Fixed {
		r.fail(misuse("a list of %v is read as bytes", t.Elem.Kind))
		return nil
	}
	l, err := r.c.listIn(t, at)
	if err == nil {
		err = r.c.chunks(l.n, func(int, int) {}) // as if it were copied
	}
	if err = r.c.charge(err); err != nil {
		r.fail(err)
		return nil
	}
	return r.c.mem[l.first.at : l.first.at+l.n : l.first.at+l.n]
}

// Record reads a record or tuple.
func (r *Reader) Record() Reader {
	t, at := r.any()
	switch {
	case t == nil:
		return Reader{c: r.c}
	case t.Kind != types.Record && t.Kind != types.Tuple:
		r.fail(misuse("%v is read as a record", t.Kind))
		return Reader{c: r.c}
	}
	return Reader{c: r.c, of: t, n: uint32(len(t.Fields)), at: at}
}

// List reads a list, or the entries of a map, which are tuples. The reader's Len is its length.
func (r *Reader) List() Reader {
	t, at := r.any()
	switch {
	case t == nil:
		return Reader{c: r.c}
	case t.Kind != types.List && t.Kind != types.Map:
		r.fail(misuse("%v is read as a list", t.Kind))
		return Reader{c: r.c}
	}
	l, err := r.c.listIn(t, at)
	if err == nil {
		err = r.c.chunks(valueWork*l.n, func(int, int) {})
	}
	if err = r.c.charge(err); err != nil {
		r.fail(err)
		return Reader{c: r.c}
	}
	return Reader{c: r.c, of: t, n: uint32(l.n), at: l.first}
}

// Variant reads the number of a variant's case. Its payload, if the case has one, is the next value.
func (r *Reader) Variant() int { return r.variant(types.Variant) }

// Enum reads the number of an enum's case.
func (r *Reader) Enum() int { return r.variant(types.Enum) }

// Option reads whether an option has a value, which is the next one.
func (r *Reader) Option() bool { return r.variant(types.Option) == 1 }

// OK reads whether a result is ok. Its value or its error, if it has one, is the next value. After an error of the
// reader it is not.
func (r *Reader) OK() bool { return r.variant(types.Result) == 0 && r.c.err == nil }

func (r *Reader) variant(kind types.Kind) int {
	t, at := r.next(kind)
	if t == nil {
		return 0
	}
	n, err := r.c.loadCase(t, at)
	if err != nil {
		r.fail(err)
		return 0
	}
	r.payload, r.payloadAt = t.Cases[n].Type, at.payload(t)
	return n
}

// Skip goes on past a value. What it is made of is not checked, and a handle in it stays the guest's.
func (r *Reader) Skip() { r.any() }

// Value reads a value of any type.
func (r *Reader) Value() value.Value {
	t, at := r.any()
	if t == nil {
		return value.Value{}
	}
	v, err := r.c.lift(t, at)
	if err = r.c.charge(err); err != nil {
		r.fail(err)
		return value.Value{}
	}
	return v
}

// Values reads all values that are left. After an error it returns nil.
func (r *Reader) Values() []value.Value {
	values, err := r.c.values(r.Len())
	if err != nil {
		r.c.fail(err)
		return nil
	}
	for i := range values {
		values[i] = r.Value()
	}
	if r.c.err != nil {
		return nil
	}
	return values
}
