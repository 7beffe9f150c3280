package abi

import (
	"encoding/binary"
	"strings"
	"unicode/utf8"
	"unsafe"
)

// Bounds of strings and lists, in bytes.
const (
	maxStringBytes = 1<<28 - 1
	maxListBytes   = 1<<28 - 1
)

// utf16Tag marks the length of a string of a Latin1UTF16 guest that is in UTF-16.
const utf16Tag = 1 << 31

// form is how the code units of one string are written.
type form uint8

const (
	formUTF8 form = iota
	formUTF16
	formLatin1
)

// text is a string in the memory of a guest, whose area has been checked.
type text struct {
	form  form
	ptr   int
	units int // code units
	bytes int
}

// textAt checks the pointer and the length of a string.
func (c *Context) textAt(ptr, length uint32) (text, error) {
	s := text{ptr: int(ptr), units: int(length), bytes: int(length)}
	switch {
	case c.Encoding == UTF8:
	case c.Encoding == UTF16:
		s.form = formUTF16
	case length&utf16Tag != 0:
		s.form, s.units = formUTF16, int(length^utf16Tag)
	default:
		s.form = formLatin1
	}
	if s.form == formUTF16 {
		s.bytes = 2 * s.units
	}
	if err := c.area(ptr, s.bytes, c.textAlign(), "a string"); err != nil {
		return s, err
	}
	if s.bytes > maxStringBytes {
		return s, trapf("a string of %d bytes is longer than %d", s.bytes, maxStringBytes)
	}
	return s, nil
}

// textIn reads the pointer and the length of a string.
func (c *Context) textIn(p place) (text, error) {
	ptr, length := c.pair(p)
	return c.textAt(ptr, length)
}

// pair returns the pointer and the length that strings and lists consist of.
func (c *Context) pair(p place) (ptr, length uint32) {
	if p.flat {
		return uint32(c.in[p.at]), uint32(c.in[p.at+1])
	}
	return binary.LittleEndian.Uint32(c.mem[p.at:]), binary.LittleEndian.Uint32(c.mem[p.at+4:])
}

func (c *Context) setPair(p place, ptr int, length uint32) {
	if p.flat {
		c.out[p.at], c.out[p.at+1] = uint64(uint32(ptr)), uint64(length)
		return
	}
	binary.LittleEndian.PutUint32(c.mem[p.at:], uint32(ptr))
	binary.LittleEndian.PutUint32(c.mem[p.at+4:], length)
}

// bytesOf returns a view of a string.
func (c *Context) bytesOf(s text) []byte { return c.mem[s.ptr : s.ptr+s.bytes : s.ptr+s.bytes] }

const (
	textPiece     = chunk / transcodeWork
	transcodeWork = 8 // of one byte
)

// pieces calls each with a string in pieces that end between characters, and counts the work for each of their bytes.
func (c *Context) pieces(f form, s []byte, work int, each func(piece []byte)) error {
	for len(s) > 0 {
		n := cut(f, s)
		if err := c.work(work * n); err != nil {
			return err
		}
		each(s[:n])
		s = s[n:]
	}
	return nil
}

// cut returns the length of the first piece of a string that is not empty.
func cut(f form, s []byte) int {
	n := textPiece
	if len(s) <= n {
		return len(s)
	}
	switch f {
	case formUTF8:
		for n > textPiece-utf8.UTFMax && !utf8.RuneStart(s[n]) {
			n--
		}
	case formUTF16:
		if s[n+1]&0xfc == 0xdc { // the second half of a pair
			n -= 2
		}
	}
	return n
}

// checkText returns a trap unless a string consists of Unicode scalar values.
func (c *Context) checkText(s text) error {
	ok := true
	err := c.pieces(s.form, c.bytesOf(s), 1, func(piece []byte) { ok = ok && valid(s.form, piece) })
	if err == nil && !ok {
		return trapf("a string of %d bytes at %d is not valid %v", s.bytes, s.ptr, s.form)
	}
	return err
}

func (f form) String() string {
	return [...]string{"UTF-8", "UTF-16", "Latin-1"}[f]
}

// measure returns the bytes that a string takes in another form.
func (c *Context) measure(to, from form, src []byte) (n int, err error) {
	if to == from {
		return len(src), nil
	}
	err = c.pieces(from, src, transcodeWork, func(piece []byte) { n += measure(to, from, piece) })
	return n, err
}

// write writes a string in another form, as far as there is room, and returns the bytes written.
func (c *Context) write(to form, dst []byte, from form, src []byte) (n int, err error) {
	if to == from {
		err = c.pieces(from, src, 1, func(piece []byte) { n += copy(dst[n:], piece) })
		return n, err
	}
	err = c.pieces(from, src, transcodeWork, func(piece []byte) { n += transcode(to, dst[n:], from, piece) })
	return n, err
}

// liftText returns a string.
func (c *Context) liftText(p place) (string, error) {
	s, err := c.textIn(p)
	if err != nil {
		return "", err
	}
	if err := c.checkText(s); err != nil {
		return "", err
	}
	src := c.bytesOf(s)
	n, err := c.measure(formUTF8, s.form, src)
	if err != nil {
		return "", err
	}
	if err := c.spend(n); err != nil {
		return "", err
	}
	var dst strings.Builder
	dst.Grow(n)
	if s.form == formUTF8 {
		err = c.pieces(formUTF8, src, 1, func(piece []byte) { dst.Write(piece) })
		return dst.String(), err
	}
	err = c.pieces(s.form, src, transcodeWork, func(piece []byte) {
		for len(piece) > 0 {
			r, size := next(s.form, piece)
			dst.WriteRune(r)
			piece = piece[size:]
		}
	})
	return dst.String(), err
}

// formOf returns the form that the guest gets a UTF-8 string in, and the tag of its length.
func (c *Context) formOf(src []byte) (to form, tag uint32, err error) {
	switch c.Encoding {
	case UTF8:
		return formUTF8, 0, nil
	case UTF16:
		return formUTF16, 0, nil
	}
	if latin1, err := c.isLatin1(formUTF8, src); latin1 || err != nil {
		return formLatin1, 0, err
	}
	return formUTF16, utf16Tag, nil
}

// textAlign returns the alignment of strings.
func (c *Context) textAlign() uint32 {
	if c.Encoding == UTF8 {
		return 1
	}
	return 2
}

// isLatin1 is whether Latin-1 has all characters of a string.
func (c *Context) isLatin1(f form, src []byte) (all bool, err error) {
	all = true
	err = c.pieces(f, src, transcodeWork, func(piece []byte) {
		all = all && latin1Prefix(f, piece) == len(piece)
	})
	return all, err
}

// lowerText puts a string of the host, which is UTF-8, into the guest's memory in the guest's encoding. As for a string
// that the host has in that encoding, one allocation of the right size suffices.
func (c *Context) lowerText(p place, src []byte) error {
	to, tag, n, err := c.lowered(src)
	if err != nil {
		return err
	}
	ptr, err := c.alloc(n, c.textAlign())
	if err != nil {
		return err
	}
	if _, err := c.write(to, c.mem[ptr:ptr+n], formUTF8, src); err != nil {
		return err
	}
	if to == formUTF16 {
		n /= 2
	}
	c.setPair(p, ptr, uint32(n)|tag)
	return nil
}

// lowered returns the form that the guest gets a UTF-8 string in, the tag of its length, and its bytes in that form. It is apart
// from lowerText, which is on the stack while the guest makes room.
//
//go:noinline
func (c *Context) lowered(src []byte) (to form, tag uint32, bytes int, err error) {
	if to, tag, err = c.formOf(src); err != nil {
		return 0, 0, 0, err
	}
	if bytes, err = c.measure(to, formUTF8, src); err != nil {
		return 0, 0, 0, err
	}
	if bytes > maxStringBytes {
		return 0, 0, 0, trapf("a string of %d bytes is longer than %d", bytes, maxStringBytes)
	}
	return to, tag, bytes, nil
}

// bytesIn returns the bytes of a string, which are not to be changed.
func bytesIn(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// valid is whether bytes are Unicode scalar values in a form.
func valid(f form, b []byte) bool {
	switch f {
	case formUTF8:
		return utf8.Valid(b)
	case formUTF16:
		for i := 0; i < len(b); i += 2 {
			switch unit := binary.LittleEndian.Uint16(b[i:]); {
			case unit < 0xd800 || unit >= 0xe000:
			case unit >= 0xdc00 || i+4 > len(b) || binary.LittleEndian.Uint16(b[i+2:])&0xfc00 != 0xdc00:
				return false
			default:
				i += 2
			}
		}
	}
	return true
}
