package wave

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// scanner reads the tokens of a text, which is UTF-8.
type scanner struct {
	text string
	pos  int
}

// The words that mean something by themselves.
func isKeyword(word string) bool {
	switch word {
	case "true", "false", "inf", "nan", "some", "none", "ok", "err":
		return true
	}
	return false
}

// rest skips white space and comments, and returns what follows.
func (s *scanner) rest() string {
	for s.pos < len(s.text) {
		switch s.text[s.pos] {
		case ' ', '\t', '\n', '\r':
			s.pos++
			continue
		case '/':
			if strings.HasPrefix(s.text[s.pos:], "//") {
				if end := strings.IndexByte(s.text[s.pos:], '\n'); end >= 0 {
					s.pos += end
					continue
				}
				s.pos = len(s.text)
			}
		}
		break
	}
	return s.text[s.pos:]
}

// peek returns the first byte of the next token, or 0.
func (s *scanner) peek() byte {
	if rest := s.rest(); rest != "" {
		return rest[0]
	}
	return 0
}

// accept goes past a sign, if it comes next.
func (s *scanner) accept(sign byte) bool {
	if s.peek() != sign {
		return false
	}
	s.pos++
	return true
}

// expect goes past a sign.
func (s *scanner) expect(sign byte) error {
	if s.accept(sign) {
		return nil
	}
	return s.unexpected(fmt.Sprintf("%q", sign))
}

// end returns an error unless the text ends here.
func (s *scanner) end() error {
	if s.rest() == "" {
		return nil
	}
	return s.unexpected("the end")
}

func (s *scanner) errorf(offset int, format string, args ...any) *Error {
	return &Error{Offset: offset, Msg: fmt.Sprintf(format, args...)}
}

// unexpected is the error that something else comes next.
func (s *scanner) unexpected(want string) *Error {
	rest := s.rest()
	where := ""
	if rest != "" && s.pos > 0 {
		where = " at " + position(s.text, s.pos)
	}
	return s.errorf(s.pos, "expected %s%s, found %s", want, where, found(rest))
}

// found describes the first token of a text.
func found(rest string) string {
	if rest == "" {
		return "the end of the text"
	}
	t := scanner{text: rest}
	if word, ok := t.word(); ok {
		return short(word.text)
	}
	if number := t.number(); number != "" {
		return short(number)
	}
	switch rest[0] {
	case '"':
		return "a string"
	case '\'':
		return "a char"
	}
	r, _ := utf8.DecodeRuneInString(rest)
	return strconv.QuoteRune(r)
}

// word is a label or keyword.
type word struct {
	text    string // without the percent sign
	escaped bool   // there was one, so it is no keyword
	offset  int
}

func (w word) is(keyword string) bool { return !w.escaped && w.text == keyword }

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool  { return c >= '0' && c <= '9' }

// word reads a word, if one comes next.
func (s *scanner) word() (w word, ok bool) {
	rest := s.rest()
	w.offset = s.pos
	label := strings.TrimPrefix(rest, "%")
	if label == "" || !isLetter(label[0]) {
		return w, false
	}
	n := 1
	for n < len(label) && (isLetter(label[n]) || isDigit(label[n]) ||
		label[n] == '-' && n+1 < len(label) && (isLetter(label[n+1]) || isDigit(label[n+1]))) {
		n++
	}
	w.text, w.escaped = label[:n], len(label) < len(rest)
	s.pos += len(rest) - len(label) + n
	return w, true
}

// peekWord returns the next word and stays before it.
func (s *scanner) peekWord() (word, bool) {
	before := *s
	return before.word()
}

// number reads a number, if one comes next: an integer, perhaps with a fraction and an exponent.
func (s *scanner) number() string {
	rest := s.rest()
	n := digits(strings.TrimPrefix(rest, "-"))
	if n == 0 {
		return ""
	}
	sign := len(rest) - len(strings.TrimPrefix(rest, "-"))
	if n > 1 && rest[sign] == '0' {
		n = 1 // what follows is no part of it
	}
	n += sign
	if n < len(rest) && rest[n] == '.' {
		if d := digits(rest[n+1:]); d > 0 {
			n += 1 + d
		}
	}
	if n < len(rest) && rest[n]|0x20 == 'e' {
		begin := n + 1
		if begin < len(rest) && (rest[begin] == '+' || rest[begin] == '-') {
			begin++
		}
		if d := digits(rest[begin:]); d > 0 {
			n = begin + d
		}
	}
	s.pos += n
	return rest[:n]
}

// digits returns how many digits a text begins with.
func digits(s string) int {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return i
		}
	}
	return len(s)
}
