package abi

import (
	"math"
	"strings"
	"unicode/utf8"

	"github.com/reactord/reactord/component/types"
	"github.com/reactord/reactord/component/value"
)

// Writer writes values in their order, as a [Reader] reads them. Records and lists have writers of their own, and the
// payload of a variant is the next value:
//
//	w.OK()
//	stat := w.Record()
//	stat.U64(size)
//	stat.Some()
//	stat.String(name)
//
// Once all is written, End says whether it was.
type Writer struct {
	c     *Context
	of    *types.Type // the record or tuple whose fields are written, or the list or map
	n, i  uint32
	at    place    // of the next value if flat, else of the first one
	lazy  bool     // at is a pointer that the guest has passed; it has not been checked
	stack []uint64 // where the flat result goes in the end, or nil

	payload   *types.Type // of the variant written last, or nil; it comes next
	payloadAt place
}

// WriteParams writes what a guest's lifted function is passed. Room for parameters in memory is allocated at once.
func (p *Plan) WriteParams(c *Context, stack []uint64) Writer {
	w := Writer{c: c, of: &p.params, n: uint32(len(p.params.Fields))}
	c.owed = len(p.params.Fields)
	if !p.ParamsInMemory {
		w.at.flat, c.out = true, stack
		return w
	}
	if c.err != nil {
		return w
	}
	ptr, err := c.alloc(p.size, p.params.Align)
	if err != nil {
		c.fail(err)
	}
	w.at.at, stack[0] = ptr, uint64(ptr)
	return w
}

// WriteResult writes what a lowered function returns to the guest that has called it. It may be written before all
// parameters are read: a flat result is put onto the stack by End.
func (p *Plan) WriteResult(c *Context, stack []uint64) Writer {
	if p.Func.Result == nil {
		return Writer{c: c}
	}
	w := Writer{c: c, of: &p.result, n: 1}
	c.owed = 1
	if p.ResultInMemory {
		w.lazy, w.at.at = true, int(uint32(stack[len(p.Core.Params)-1]))
		return w
	}
	w.at.flat, c.out, w.stack = true, c.result[:], stack
	return w
}

// End returns the first error of the call, or one if something was not written.
func (w *Writer) End() error {
	if w.c.err == nil && w.c.owed != 0 {
		w.c.fail(misuse("%d values were not written", w.c.owed))
	}
	if w.c.err == nil && w.stack != nil {
		w.stack[0] = w.c.result[0]
	}
	return w.c.err
}

// Type returns the type of the next value, or nil if there is none, as after an error.
func (w *Writer) Type() *types.Type {
	switch {
	case w.c.err != nil:
		return nil
	case w.payload != nil:
		return w.payload
	case w.i >= w.n:
		return nil
	case w.of.Fields != nil:
		return w.of.Fields[w.i].Type
	}
	return elemOf(w.of)
}

// any goes on to the next value. The type is nil if there is none, or after an error.
func (w *Writer) any() (*types.Type, place) {
	t := w.Type()
	if t == nil {
		w.c.fail(misuse("there is nothing more to write"))
		return nil, place{}
	}
	if !w.at.flat {
		w.c.view() // guest code may have run since the last value
	}
	if w.payload != nil {
		w.payload = nil
		w.c.owed--
		return t, w.payloadAt
	}
	at := w.at
	switch {
	case at.flat:
		w.at.at += int(t.Flat)
	case w.of.Fields != nil:
		at.at += int(w.of.Fields[w.i].Offset)
	default:
		at.at += int(w.i) * int(t.Size)
	}
	if w.lazy {
		w.lazy = false
		if err := w.c.area(uint32(at.at), int(t.Size), t.Align, "room for the result"); err != nil {
			w.c.fail(err)
			return nil, place{}
		}
	}
	w.i++
	w.c.owed--
	return t, at
}

// next goes on to the next value, which must be of a kind.
func (w *Writer) next(kind types.Kind) (*types.Type, place) {
	t, at := w.any()
	if t != nil && t.Kind != kind {
		w.fail(misuse("%v is written as %v", t.Kind, kind))
		return nil, place{}
	}
	return t, at
}

// fail ends the call with an error of the value that was written last.
func (w *Writer) fail(err error) {
	switch i := int(w.i - 1); {
	case w.of.Fields == nil:
		err = inElement(err, i)
	case w.of.Fields[i].Name != "" || w.n > 1: // but for a result
		err = inField(err, fieldName(&w.of.Fields[i], i))
	}
	w.c.fail(err)
}

func (w *Writer) scalar(kind types.Kind, bits uint64) {
	t, at := w.next(kind)
	if t == nil {
		return
	}
	if err := w.c.store(t, at, bits); err != nil {
		w.fail(err)
	}
}

// Bool writes a bool.
func (w *Writer) Bool(v bool) {
	bits := uint64(0)
	if v {
		bits = 1
	}
	w.scalar(types.Bool, bits)
}

// S8 writes an s8.
func (w *Writer) S8(v int8) { w.scalar(types.S8, uint64(v)) }

// U8 writes a u8.
func (w *Writer) U8(v uint8) { w.scalar(types.U8, uint64(v)) }

// S16 writes an s16.
func (w *Writer) S16(v int16) { w.scalar(types.S16, uint64(v)) }

// U16 writes a u16.
func (w *Writer) U16(v uint16) { w.scalar(types.U16, uint64(v)) }

// S32 writes an s32.
func (w *Writer) S32(v int32) { w.scalar(types.S32, uint64(v)) }

// U32 writes a u32.
func (w *Writer) U32(v uint32) { w.scalar(types.U32, uint64(v)) }

// S64 writes an s64.
func (w *Writer) S64(v int64) { w.scalar(types.S64, uint64(v)) }

// U64 writes a u64.
func (w *Writer) U64(v uint64) { w.scalar(types.U64, v) }

// F32 writes an f32.
func (w *Writer) F32(v float32) {
	w.scalar(types.F32, uint64(math.Float32bits(v)))
}

// F64 writes an f64.
func (w *Writer) F64(v float64) { w.scalar(types.F64, math.Float64bits(v)) }

// Char writes a char. What is no Unicode scalar value becomes U+FFFD.
func (w *Writer) Char(v rune) {
	if !utf8.ValidRune(v) {
		v = utf8.RuneError
	}
	w.scalar(types.Char, uint64(v))
}

// Flags writes flags. The first label is the lowest bit.
func (w *Writer) Flags(v uint32) { w.scalar(types.Flags, uint64(v)) }

// Own gives the guest an own handle of a resource with this representation.
func (w *Writer) Own(rep uint32) { w.scalar(types.Own, uint64(rep)) }

// Borrow lends the guest the resource with this representation for the call.
func (w *Writer) Borrow(rep uint32) { w.scalar(types.Borrow, uint64(rep)) }

// Stream gives the guest the readable end of a stream.
func (w *Writer) Stream(end uint64) { w.scalar(types.Stream, end) }

// Future gives the guest the readable end of a future.
func (w *Writer) Future(end uint64) { w.scalar(types.Future, end) }

// String writes a string. What is not UTF-8 in it becomes U+FFFD.
func (w *Writer) String(s string) {
	t, at := w.next(types.String)
	if t == nil {
		return
	}
	if err := w.c.charge(w.c.lowerText(at, bytesIn(strings.ToValidUTF8(s, "\uFFFD")))); err != nil {
		w.fail(err)
	}
}

// Bytes writes a list<u8>.
func (w *Writer) Bytes(b []byte) {
	t, at := w.next(types.List)
	if t == nil {
		return
	}
	if t.Elem.Kind != types.U8 {
		w.fail(misuse("a list of %v is written as bytes", t.Elem.Kind))
		return
	}
	if err := w.c.charge(w.c.lowerBytes(t, b, at)); err != nil {
		w.fail(err)
	}
}

// Record writes a record or tuple. Like that of List, the Writer is not on the stack: guest code may run before all of the
// values are written, and a copy for each caller would make up half of what is on the stack then.
func (w *Writer) Record() *Writer {
	t, at := w.any()
	switch {
	case t == nil:
		return &Writer{c: w.c}
	case t.Kind != types.Record && t.Kind != types.Tuple:
		w.fail(misuse("%v is written as a record", t.Kind))
		return &Writer{c: w.c}
	}
	w.c.owed += len(t.Fields)
	return &Writer{c: w.c, of: t, n: uint32(len(t.Fields)), at: at}
}

// List writes a list of n elements, or a map of n entries, which are tuples.
func (w *Writer) List(n int) *Writer {
	t, at := w.any()
	switch {
	case t == nil:
		return &Writer{c: w.c}
	case t.Kind != types.List && t.Kind != types.Map:
		w.fail(misuse("%v is written as a list", t.Kind))
		return &Writer{c: w.c}
	}
	first, err := w.c.allocList(t, n, at)
	if err == nil {
		err = w.c.chunks(valueWork*n, func(int, int) {})
	}
	if err = w.c.charge(err); err != nil {
		w.fail(err)
		return &Writer{c: w.c}
	}
	w.c.owed += n
	return &Writer{c: w.c, of: t, n: uint32(n), at: first}
}

// Variant writes a case of a variant. Its payload, if it has one, comes next.
func (w *Writer) Variant(n int) { w.variant(types.Variant, n) }

// Enum writes a case of an enum.
func (w *Writer) Enum(n int) { w.variant(types.Enum, n) }

// None writes an option that has no value.
func (w *Writer) None() { w.variant(types.Option, 0) }

// Some writes an option whose value comes next.
func (w *Writer) Some() { w.variant(types.Option, 1) }

// OK writes a result that is ok. Its value, if it has one, comes next.
func (w *Writer) OK() { w.variant(types.Result, 0) }

// Err writes a result that is an error. Its value, if it has one, comes next.
func (w *Writer) Err() { w.variant(types.Result, 1) }

func (w *Writer) variant(kind types.Kind, n int) {
	t, at := w.next(kind)
	if t == nil {
		return
	}
	if n < 0 || n >= len(t.Cases) {
		w.fail(misuse("case %d of %d cases", n, len(t.Cases)))
		return
	}
	w.c.storeCase(t, at, n)
	if w.payload = t.Cases[n].Type; w.payload != nil {
		w.c.owed++
		w.payloadAt = at.payload(t)
	}
}

// Value writes a value of any type, which is well-formed for it.
func (w *Writer) Value(v value.Value) {
	t, at := w.any()
	if t == nil {
		return
	}
	if err := w.c.charge(w.c.lower(t, &v, at)); err != nil {
		w.fail(err)
	}
}
