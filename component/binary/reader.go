package binary

import (
	"fmt"
	"unicode/utf8"
)

// reader reads the primitives of the binary format from a part of a component. The first fault sticks: later reads
// return zero values, so a caller may read a whole definition before it checks err.
type reader struct {
	buf  []byte
	pos  int
	base int // offset of buf in the outermost component
	err  *Error
}

func (r *reader) offset() int    { return r.base + r.pos }
func (r *reader) remaining() int { return len(r.buf) - r.pos }
func (r *reader) more() bool     { return r.err == nil && r.pos < len(r.buf) }

// fail records a fault at the given offset and stops the reader.
func (r *reader) fail(kind Kind, offset int, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Offset: offset, Msg: fmt.Sprintf(format, args...)}
	}
	r.pos = len(r.buf)
}

// unsupported fails because what is at offset needs a feature.
func (r *reader) unsupported(offset int, feature, what string) {
	if r.err == nil {
		r.err = &Error{Kind: Unsupported, Offset: offset, Feature: feature, Msg: what}
	}
	r.pos = len(r.buf)
}

// unknown fails because the byte before the position has no meaning there.
func (r *reader) unknown(b byte, what string) {
	r.fail(Malformed, r.offset()-1, "%#x is not %s", b, what)
}

func (r *reader) byte() byte {
	if r.pos >= len(r.buf) {
		r.fail(Malformed, r.offset(), "unexpected end")
		return 0
	}
	b := r.buf[r.pos]
	r.pos++
	return b
}

// peek returns the next byte without reading it.
func (r *reader) peek() byte {
	if r.pos >= len(r.buf) {
		r.fail(Malformed, r.offset(), "unexpected end")
		return 0
	}
	return r.buf[r.pos]
}

// flag reads a byte that is 0 or 1.
func (r *reader) flag(what string) bool {
	b := r.byte()
	if b > 1 {
		r.unknown(b, what+", which is 0 or 1")
	}
	return b == 1
}

func (r *reader) bytes(n uint32) []byte {
	if int64(n) > int64(r.remaining()) {
		r.fail(Malformed, r.offset(), "%d bytes wanted, %d left", n, r.remaining())
		return nil
	}
	b := r.buf[r.pos : r.pos+int(n) : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// uleb reads an unsigned LEB128 integer of at most the given width.
func (r *reader) uleb(bits uint) uint64 {
	start := r.offset()
	var v uint64
	for shift := uint(0); ; shift += 7 {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest < 7 && (b&0x7f)>>rest != 0 || rest <= 7 && b&0x80 != 0 {
			r.fail(Malformed, start, "integer of more than %d bits", bits)
			return 0
		}
		v |= uint64(b&0x7f) << shift
		if b&0x80 == 0 {
			return v
		}
	}
}

func (r *reader) u32() uint32 { return uint32(r.uleb(32)) }

// typeIndex reads a signed integer of 33 bits that is not negative. The negative ones of a single byte are codes of
// types, which the caller has looked for.
func (r *reader) typeIndex() uint32 {
	start := r.offset()
	v := r.uleb(33)
	if v >= 1<<32 || r.err == nil && r.buf[r.pos-1]&0x40 != 0 && r.offset()-start < 5 {
		r.fail(Malformed, start, "not a type")
		return 0
	}
	return uint32(v)
}

// utf8 reads a length-prefixed UTF-8 string.
func (r *reader) utf8() []byte {
	start := r.offset()
	b := r.bytes(r.u32())
	if !utf8.Valid(b) {
		r.fail(Malformed, start, "name is not UTF-8")
		return nil
	}
	return b
}
