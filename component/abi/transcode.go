package abi

import (
	"unicode/utf16"
	"unicode/utf8"
)

// next returns the first character of a string that is not empty, and its length in bytes. What is not valid is taken
// for U+FFFD, so nothing is read or written beyond its end even if a guest changes a string while it is looked at.
func next(f form, s []byte) (rune, int) {
	switch f {
	case formUTF8:
		if s[0] < utf8.RuneSelf {
			return rune(s[0]), 1
		}
		return utf8.DecodeRune(s)
	case formUTF16:
		if len(s) < 2 {
			return utf8.RuneError, 1
		}
		r := rune(s[0]) | rune(s[1])<<8
		if !utf16.IsSurrogate(r) {
			return r, 2
		}
		if len(s) < 4 {
			return utf8.RuneError, 2
		}
		return utf16.DecodeRune(r, rune(s[2])|rune(s[3])<<8), 4
	default:
		return rune(s[0]), 1
	}
}

// width returns the bytes that a character takes; of those that Latin-1 does not have, 1.
func width(f form, r rune) int {
	switch f {
	case formUTF8:
		return utf8.RuneLen(r)
	case formUTF16:
		return 2 * utf16.RuneLen(r)
	default:
		return 1
	}
}

// measure returns the bytes that a string takes in another form.
func measure(to, from form, src []byte) (n int) {
	for i := 0; i < len(src); {
		r, size := next(from, src[i:])
		n += width(to, r)
		i += size
	}
	return n
}

// transcode writes a string in another form, as far as there is room, and returns the bytes written.
func transcode(to form, dst []byte, from form, src []byte) (n int) {
	for i := 0; i < len(src); {
		r, size := next(from, src[i:])
		i += size
		if n+width(to, r) > len(dst) {
			return n
		}
		n += put(to, dst[n:], r)
	}
	return n
}

// put writes a character and returns its bytes. There is room for it.
func put(f form, dst []byte, r rune) int {
	switch f {
	case formUTF8:
		return utf8.EncodeRune(dst, r)
	case formUTF16:
		if r < 0x10000 {
			dst[0], dst[1] = byte(r), byte(r>>8)
			return 2
		}
		high, low := utf16.EncodeRune(r)
		dst[0], dst[1], dst[2], dst[3] = byte(high), byte(high>>8), byte(low), byte(low>>8)
		return 4
	default:
		dst[0] = byte(r)
		return 1
	}
}

// latin1Prefix returns the length in bytes of the longest beginning that Latin-1 has the characters of.
func latin1Prefix(from form, src []byte) int {
	for i := 0; i < len(src); {
		r, size := next(from, src[i:])
		if r > 0xff {
			return i
		}
		i += size
	}
	return len(src)
}
