package wit

import (
	"fmt"
	"strings"
)

// Error is a fault of a text.
type Error struct {
	Line int // from 1
	Msg  string
}

func (e *Error) Error() string { return fmt.Sprintf("line %d: %s", e.Line, e.Msg) }

// token is a word, a punctuation mark, or the end, which is empty.
type token struct {
	text string
	word bool
	line int
}

// is reports whether t is a punctuation mark or a keyword. A word that is written with % is never a keyword.
func (t token) is(text string) bool { return t.text == text }

// name returns a word without the % that keeps it from being a keyword.
func (t token) name() string { return strings.TrimPrefix(t.text, "%") }

func (t token) String() string {
	if t.text == "" {
		return "the end"
	}
	return fmt.Sprintf("%q", t.text)
}

// lexer splits a text into tokens.
type lexer struct {
	text string
	line int
}

// next returns the next token.
func (l *lexer) next() (token, error) {
	l.skip()
	if l.text == "" {
		return token{line: l.line}, nil
	}
	n := len(l.text) - len(strings.TrimLeftFunc(strings.TrimPrefix(l.text, "%"), isWord))
	switch {
	case strings.HasPrefix(l.text, "->"):
		n = 2
	case n > 0 && l.text[:n] != "%":
		return l.take(n, true), nil
	case strings.ContainsRune("{}()<>,;:/.=_", rune(l.text[0])):
		n = 1
	default:
		return token{}, &Error{l.line, fmt.Sprintf("unexpected character %q", l.text[0])}
	}
	return l.take(n, false), nil
}

func (l *lexer) take(n int, word bool) token {
	t := token{l.text[:n], word, l.line}
	l.text = l.text[n:]
	return t
}

// skip skips space and comments.
func (l *lexer) skip() {
	for {
		rest := strings.TrimLeft(l.text, " \t\r\n")
		l.line += strings.Count(l.text[:len(l.text)-len(rest)], "\n")
		if l.text = rest; !strings.HasPrefix(rest, "//") {
			return
		}
		_, after, more := strings.Cut(rest, "\n")
		if more {
			after = "\n" + after
		}
		l.text = after
	}
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-'
}
