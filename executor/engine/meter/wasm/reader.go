package wasm

import (
	"fmt"
	"unicode/utf8"
)

// reader reads the primitives of the binary format from a part of a module. The first fault sticks: later reads
// return zero values, so a caller may read a whole record before it checks err.
type reader struct {
	buf  []byte
	pos  int
	base int64 // offset of buf in the module
	err  *Error
}

func (r *reader) offset() int64  { return r.base + int64(r.pos) }
func (r *reader) remaining() int { return len(r.buf) - r.pos }
func (r *reader) more() bool     { return r.err == nil && r.pos < len(r.buf) }

// fail records a fault at the given offset and stops the reader.
func (r *reader) fail(kind Kind, offset int64, format string, args ...any) {
	if r.err == nil {
		r.err = &Error{Kind: kind, Offset: offset, Msg: fmt.Sprintf(format, args...)}
	}
	r.pos = len(r.buf)
}

// unsupported fails because the byte at offset needs a feature.
func (r *reader) unsupported(offset int64, feature, format string, args ...any) {
	r.fail(Unsupported, offset, format, args...)
	if r.err.Kind == Unsupported && r.err.Feature == "" {
		r.err.Feature = feature
	}
}

// result returns err as an error, avoiding a typed nil.
func (r *reader) result() error {
	if r.err == nil {
		return nil
	}
	return r.err
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
	if r.pos < len(r.buf) && r.buf[r.pos] < 0x80 { // the usual case
		r.pos++
		return uint64(r.buf[r.pos-1])
	}
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

// sleb reads a signed LEB128 integer of at most the given width.
func (r *reader) sleb(bits uint) int64 {
	start := r.offset()
	var v int64
	for shift := uint(0); ; {
		b := r.byte()
		if r.err != nil {
			return 0
		}
		if rest := bits - shift; rest <= 7 {
			// The last byte: no continuation, and its unused bits repeat the sign.
			if high := int8(b<<1) >> rest; b&0x80 != 0 || high != 0 && high != -1 {
				r.fail(Malformed, start, "integer of more than %d bits", bits)
				return 0
			}
		}
		v |= int64(b&0x7f) << shift
		shift += 7
		if b&0x80 == 0 {
			if shift < 64 && b&0x40 != 0 {
				v |= -1 << shift
			}
			return v
		}
	}
}

// name reads a name of a bounded length.
func (r *reader) name(what string, limit int) string {
	start := r.offset()
	b := r.utf8()
	if len(b) > limit {
		r.fail(TooLarge, start, "%s of %d bytes, the limit is %d", what, len(b), limit)
		return ""
	}
	return string(b)
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

// count reads the length of a vector whose elements take at least minSize bytes each. So memory that the caller
// allocates for the vector is bounded by the input.
func (r *reader) count(what string, limit, minSize int) int {
	start := r.offset()
	n := int64(r.u32())
	switch {
	case r.err != nil:
	case n > int64(limit):
		r.fail(TooLarge, start, "%d %s, the limit is %d", n, what, limit)
	case n*int64(minSize) > int64(r.remaining()):
		r.fail(Malformed, start, "%d %s do not fit the section", n, what)
	default:
		return int(n)
	}
	return 0
}
