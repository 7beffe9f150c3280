// Package text checks text that clients send: text that people will see, and text that a guest gets as C strings.
// It is pure.
package text

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/reactord/reactord/reactor/errs"
)

// Check checks text that is shown to people, of at most most bytes.
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

// unprintable reports characters that are invisible but change how others look: controls, direction marks, line
// separators. It allows the two joiners, which some scripts need.
func unprintable(c rune) bool {
	const nonJoiner, joiner = '\u200c', '\u200d'
	return unicode.In(c, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) && c != nonJoiner && c != joiner
}

// CheckCString checks text that a guest gets as a C string. path is called only for a fault.
func CheckCString(f *errs.Faults, path func() string, s string) {
	if strings.IndexByte(s, 0) >= 0 {
		f.Add(path(), "contains a zero byte")
	}
	if !utf8.ValidString(s) {
		f.Add(path(), "is not valid UTF-8")
	}
}
