// Package printable makes text fit for a terminal that somebody else chose: a guest, who submitted it,
// whoever answers at an address. Terminals obey control characters, and show text in another order
// than it is in after marks of direction; so whatever Unicode does not call graphic is written as an
// escape, `\u001b` or `\u202e`, the form that JSON has too: JSON that is made printable means the same.
// Bytes that are not UTF-8 become U+FFFD.
//
// Everything here may be called from any goroutine; a Writer is for one at a time.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// String is s as a part of a line: line ends and tabs are escaped as well.
func String(s string) string { return escape(s, "", inJSON) }

// Text is s, which may have several lines and tabs in them.
func Text(s string) string { return escape(s, "\n\t", inJSON) }

// TextOfYAML is Text for what YAML has in double quotes, where one escape is for one character.
func TextOfYAML(s string) string { return escape(s, "\n\t", inYAML) }

// IsText tells whether Text leaves s as it is.
func IsText(s string) bool { return plainUpTo(s, "\n\t") == len(s) }

// escape escapes what is neither graphic nor in allowed.
func escape(s, allowed string, form func(rune) string) string {
	plain := plainUpTo(s, allowed)
	if plain == len(s) {
		return s
	}
	var b strings.Builder
	for plain < len(s) {
		b.WriteString(s[:plain])
		r, size := utf8.DecodeRuneInString(s[plain:])
		if r == utf8.RuneError { // for a byte that is none
			b.WriteRune(r)
		} else {
			b.WriteString(form(r))
		}
		s = s[plain+size:]
		plain = plainUpTo(s, allowed)
	}
	b.WriteString(s)
	return b.String()
}

func inJSON(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}

func inYAML(r rune) string {
	if r > 0xffff {
		return fmt.Sprintf(`\U%08x`, r)
	}
	return inJSON(r)
}

// plainUpTo is the length of the part of s before the first character that is to be escaped.
func plainUpTo(s, allowed string) int {
	for i, r := range s {
		if ' ' <= r && r <= '~' || strings.ContainsRune(allowed, r) {
			continue
		}
		if !unicode.IsGraphic(r) || r == utf8.RuneError && !strings.HasPrefix(s[i:], "\ufffd") {
			return i
		}
	}
	return len(s)
}

// Writer writes text to another writer, as Text makes it.
type Writer struct{ to io.Writer }

// NewWriter makes a Writer. Each Write is of whole characters, as package fmt's are.
func NewWriter(to io.Writer) Writer { return Writer{to} }

// Write implements io.Writer.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
