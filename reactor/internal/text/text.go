// Package text checks text that clients send: what people will be shown, and what a guest gets as a C string.
// It is pure.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/reactor/errs"
)

// Check checks what is shown to people, of most bytes.
func Check(f *errs.Faults, path, s string, most int) {
	if len(s) > most {
		f.Add(path, "%d bytes are more than the %d allowed", len(s), most)
	}
	if !utf8.ValidString(s) {
		f.Add(path, "is not valid UTF-8")
	} else if i := strings.IndexFunc(s, unprintable); i >= 0 {
		f.Add(path, "has a control character at byte %d", i)
	}
}

// unprintable tells of characters that are not seen but change how others are: controls, marks of
// direction, separators of lines. The two joiners are letters to some scripts.
func unprintable(c rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && c != nonJoiner && c != joiner
}

// CheckCString checks what a guest gets as a C string. The path is made only for a fault.
func CheckCString(f *errs.Faults, path func() string, s string) {
	if strings.IndexByte(s, 0) >= 0 {
		f.Add(path(), "contains a zero byte")
	}
	if !utf8.ValidString(s) {
		f.Add(path(), "is not valid UTF-8")
	}
}
