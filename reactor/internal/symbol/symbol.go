package symbol

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ianlancetaylor/demangle"

	"github.com/reactord/reactord/internal/clip"
)

const (
	// mostBytes bounds a name that is returned. There may be 30 of them in one record.
	mostBytes = 256
	// mostRust and mostCXX bound a name that is decoded. Names of C++ can refer back to their parts, which takes time;
	// package meter cuts names at the larger of the two.
	mostRust = 1<<10 - 1
	mostCXX  = 512
)

// Decode returns the name that a function's author wrote. symbol is the name in the module, if it is another.
func Decode(name string) (function, symbol string) {
	if decoded, ok := demangled(name); ok && decoded != name {
		return printable(decoded), printable(name)
	}
	return printable(name), ""
}

// demangled decodes a mangled name; ok is false if it is none.
func demangled(name string) (decoded string, ok bool) {
	switch {
	case strings.HasPrefix(name, "_R"), isLegacyRust(name):
		if len(name) > mostRust {
			return "", false
		}
	case !strings.HasPrefix(name, "_Z"), len(name) > mostCXX:
		return "", false
	}
	defer func() { // the module chose the name, and no name may end the daemon
		if recover() != nil {
			decoded, ok = "", false
		}
	}()
	decoded, err := demangle.ToString(name, demangle.NoClones, demangle.MaxLength(9))
	return decoded, err == nil
}

// isLegacyRust reports whether a name has the form that Rust's compiler used before its own: that of C++, with a hash at
// the end.
func isLegacyRust(name string) bool {
	const hash = "17h0123456789abcdefE"
	return strings.HasPrefix(name, "_ZN") && len(name) > len("_ZN")+len(hash) &&
		strings.HasPrefix(name[len(name)-len(hash):], "17h") && name[len(name)-1] == 'E'
}

// printable bounds a name and replaces characters that would control a terminal.
func printable(s string) string {
	s = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
	return clip.Text(s, mostBytes)
}
