package printable

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestEscapes(t *testing.T) {
	for _, tt := range []struct{ name, in, line, text string }{
		{"plain", "a b~", "a b~", "a b~"},
		{"empty", "", "", ""},
		{"letters of all kinds", "Ünïcödé 日本語 עברית 👍🏽 é", "Ünïcödé 日本語 עברית 👍🏽 é", "Ünïcödé 日本語 עברית 👍🏽 é"},
		{"title", "\x1b]0;owned\x07", `\u001b]0;owned\u0007`, `\u001b]0;owned\u0007`},
		{"lines", "a\nb\tc", `a\u000ab\u0009c`, "a\nb\tc"},
		{"over the line", "real\rfake", `real\u000dfake`, `real\u000dfake`},
		{"backspace", "a\bb", `a\u0008b`, `a\u0008b`},
		{"zero", "a\x00b", `a\u0000b`, `a\u0000b`},
		{"DEL", "a\x7fb", `a\u007fb`, `a\u007fb`},
		{"C1: CSI, OSC, NEL", "\u009b31m\u009d\u0085", `\u009b31m\u009d\u0085`, `\u009b31m\u009d\u0085`},
		{"overrides", "\u202a\u202b\u202c\u202d\u202e", `\u202a\u202b\u202c\u202d\u202e`, `\u202a\u202b\u202c\u202d\u202e`},
		{"isolates", "\u2066\u2067\u2068\u2069", `\u2066\u2067\u2068\u2069`, `\u2066\u2067\u2068\u2069`},
		{"marks of direction", "\u200e\u200f\u061c", `\u200e\u200f\u061c`, `\u200e\u200f\u061c`},
		{"nothing to be seen", "\u200b\u200d\u2060\ufeff\u00ad", `\u200b\u200d\u2060\ufeff\u00ad`, `\u200b\u200d\u2060\ufeff\u00ad`},
		{"separators", "\u2028\u2029", `\u2028\u2029`, `\u2028\u2029`},
		{"tags", "\U000e0041", `\udb40\udc41`, `\udb40\udc41`},
		{"private use", "\ue000", `\ue000`, `\ue000`},
		{"no UTF-8", "a\x9bb\xff\xc3", "a\ufffdb\ufffd\ufffd", "a\ufffdb\ufffd\ufffd"},
		{"the character for that", "\ufffd", "\ufffd", "\ufffd"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := String(tt.in); got != tt.line {
				t.Errorf("as a part of a line it is %q, want %q", got, tt.line)
			}
			if got := Text(tt.in); got != tt.text {
				t.Errorf("as text it is %q, want %q", got, tt.text)
			}
			var b strings.Builder
			if n, err := NewWriter(&b).Write([]byte(tt.in)); n != len(tt.in) || err != nil || b.String() != tt.text {
				t.Errorf("written it is %q, %d, %v", b.String(), n, err)
			}
			if want := tt.text == tt.in; IsText(tt.in) != want {
				t.Errorf("it is text: %t", !want)
			}
		})
	}
}

// Whatever comes in, what goes out is graphic and stays as it is; JSON keeps its meaning.
func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[31m\u202e\xff")
	f.Fuzz(func(t *testing.T, s string) {
		line := String(s)
		for _, r := range line {
			if !unicode.IsGraphic(r) {
				t.Fatalf("%q becomes %q", s, line)
			}
		}
		if String(line) != line || !utf8.ValidString(line) {
			t.Errorf("%q becomes %q, which is not left", s, line)
		}
		encoded, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		var got string
		if err := json.Unmarshal([]byte(Text(string(encoded))), &got); err != nil || got != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q in JSON becomes %q, %v", s, got, err)
		}
	})
}
