package wave

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

const fence = `"""`

// char reads a char.
func (s *scanner) char() (rune, error) {
	begin := s.pos
	rest := s.rest()[1:]
	s.pos++
	switch {
	case rest == "", rest[0] == '\n':
		return 0, s.errorf(begin, "the char has no closing quote")
	case rest[0] == '\'':
		return 0, s.errorf(begin, `a char is one character; ' is written as '\''`)
	}
	r, size := utf8.DecodeRuneInString(rest)
	if r == '\\' {
		var err error
		if r, size, err = s.escape(rest, s.pos); err != nil {
			return 0, err
		}
	}
	if s.pos += size; !strings.HasPrefix(s.text[s.pos:], "'") {
		return 0, s.errorf(begin, "a char is one character, then a closing quote")
	}
	s.pos++
	return r, nil
}

// escape reads the escape that a text begins with, which is at an offset, and returns how long it is.
func (s *scanner) escape(text string, offset int) (rune, int, error) {
	if len(text) > 1 {
		switch c := text[1]; c {
		case '\\', '\'', '"':
			return rune(c), 2, nil
		case 't':
			return '\t', 2, nil
		case 'n':
			return '\n', 2, nil
		case 'r':
			return '\r', 2, nil
		case 'u':
			return s.unicodeEscape(text, offset)
		}
	}
	return 0, 0, s.errorf(offset, `%s is no escape: there are \\ \' \" \t \n \r and \u{...}`, short(text[:min(2, len(text))]))
}

func (s *scanner) unicodeEscape(text string, offset int) (rune, int, error) {
	const most = len(`\u{10ffff}`)
	digits, _, closed := strings.Cut(text[2:min(most, len(text))], "}")
	if hex, ok := strings.CutPrefix(digits, "{"); ok && closed {
		n, err := strconv.ParseUint(hex, 16, 32)
		switch {
		case err != nil:
		case !utf8.ValidRune(rune(n)):
			return 0, 0, s.errorf(offset, "%#x is no Unicode scalar value", n)
		default:
			return rune(n), len(`\u{}`) + len(hex), nil
		}
	}
	return 0, 0, s.errorf(offset, `\u is followed by one to six hexadecimal digits in braces, as in \u{2603}`)
}

// str reads a string.
func (s *scanner) str() ([]byte, error) {
	if strings.HasPrefix(s.rest(), fence) {
		return s.multiline()
	}
	begin := s.pos
	s.pos++
	out := []byte{}
	for {
		rest := s.text[s.pos:]
		n := strings.IndexAny(rest, "\"\\\n")
		if n < 0 {
			return nil, s.errorf(begin, "the string has no closing quote")
		}
		out = append(out, rest[:n]...)
		s.pos += n
		switch rest[n] {
		case '"':
			s.pos++
			return out, nil
		case '\n':
			return nil, s.errorf(s.pos, `a line break in a string is written as \n, or the string begins with """ and a line break`)
		}
		r, size, err := s.escape(rest[n:], s.pos)
		if err != nil {
			return nil, err
		}
		out = utf8.AppendRune(out, r)
		s.pos += size
	}
}

// multiline reads a string of several lines: between the line break after the first fence and the one before the last.
func (s *scanner) multiline() ([]byte, error) {
	begin := s.pos
	inner := s.text[begin+len(fence):]
	n := strings.Index(inner, fence)
	if n < 0 {
		return nil, s.errorf(begin, `the string has no closing """`)
	}
	s.pos += len(fence) + n + len(fence)
	lines := strings.Split(inner[:n], "\n")
	if first := lines[0]; len(lines) == 1 || first != "" && first != "\r" {
		return nil, s.errorf(begin+len(fence), `""" is followed by a line break`)
	}
	indent := lines[len(lines)-1]
	if strings.Trim(indent, " ") != "" {
		return nil, s.errorf(s.pos-len(fence), `only spaces come before the closing """ on its line`)
	}
	out := []byte{}
	offset := begin + len(fence)
	for i, line := range lines[:len(lines)-1] {
		at := offset
		offset += len(line) + 1
		if i == 0 {
			continue
		}
		if i > 1 {
			out = append(out, '\n')
		}
		text, ok := strings.CutPrefix(line, indent)
		if !ok {
			return nil, s.errorf(at, `the line begins with fewer spaces than the one with the closing """`)
		}
		var err error
		if out, err = s.line(out, strings.TrimSuffix(text, "\r"), at+len(indent)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// line appends a line, with its escapes replaced.
func (s *scanner) line(out []byte, line string, offset int) ([]byte, error) {
	for {
		n := strings.IndexByte(line, '\\')
		if n < 0 {
			return append(out, line...), nil
		}
		r, size, err := s.escape(line[n:], offset+n)
		if err != nil {
			return nil, err
		}
		out = utf8.AppendRune(append(out, line[:n]...), r)
		line, offset = line[n+size:], offset+n+size
	}
}
