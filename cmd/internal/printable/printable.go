// Package printable makes text from others safe to print to a terminal: text that came from a guest, from the
// client that submitted it, or from whatever answers at an address. Terminals obey control characters, and
// direction marks reorder the text that follows. So every character that Unicode does not call graphic is
// escaped, as `\u001b` or `\u202e`. JSON uses the same form, so printable JSON keeps its meaning. Bytes that are
// not UTF-8 become U+FFFD.
//
// The functions may be called from any goroutine; a Writer is for one goroutine at a time.
package printable

import (
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// String escapes s as part of a line: line ends and tabs are escaped as well.
func String(s string) string { return escape(s, "", inJSON) }

// Text escapes s, but keeps line ends and tabs.
func Text(s string) string { return escape(s, "\n\t", inJSON) }

// TextOfYAML is Text for a double-quoted YAML string, where one escape stands for one character.
func TextOfYAML(s string) string { return escape(s, "\n\t", inYAML) }

// IsText reports whether Text returns s unchanged.
func IsText(s string) bool { return plainUpTo(s, "\n\t") == len(s) }

// escape escapes characters that are neither graphic nor in allowed.
func escape(s, allowed string, form func(rune) string) string {
	plain := plainUpTo(s, allowed)
	if plain == len(s) {
		return s
	}
	var b strings.Builder
	for plain < len(s) {
		b.WriteString(s[:plain])
		r, size := utf8.DecodeRuneInString(s[plain:])
		if r == utf8.RuneError { // of an invalid byte
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

// plainUpTo returns the length of the part of s before the first character to escape.
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

// Writer writes text to another writer, escaped as by Text.
type Writer struct{ to io.Writer }

// NewWriter makes a Writer. Each Write must consist of whole characters, as those of package fmt do.
func NewWriter(to io.Writer) Writer { return Writer{to} }

// Write implements io.Writer.
func (w Writer) Write(p []byte) (int, error) {
	if _, err := io.WriteString(w.to, Text(string(p))); err != nil {
		return 0, err
	}
	return len(p), nil
}
