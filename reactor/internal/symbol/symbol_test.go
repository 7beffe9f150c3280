package symbol

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecode(t *testing.T) {
	for _, tt := range []struct{ name, in, function, symbol string }{
		{"none", "", "", ""},
		{"Go", "main.(*server).handle.func1", "main.(*server).handle.func1", ""},
		{"C", "__wasi_proc_exit", "__wasi_proc_exit", ""},
		{"Rust, legacy", "_ZN4core9panicking5panic17h0123456789abcdefE", "core::panicking::panic", "_ZN4core9panicking5panic17h0123456789abcdefE"},
		{"Rust, v0", "_RNvNtCs1234_7mycrate3foo3bar", "mycrate::foo::bar", "_RNvNtCs1234_7mycrate3foo3bar"},
		{"C++", "_ZN5shape4areaEPKcd", "shape::area(char const*, double)", "_ZN5shape4areaEPKcd"},
		{"looks mangled", "_ZN5", "_ZN5", ""},
		{"not mangled by anybody", "_Rust", "_Rust", ""},
		{"control characters", "a\x1b[31m\nb", "a\ufffd[31m\ufffdb", ""},
		{"long", strings.Repeat("ä", 1000), strings.Repeat("ä", mostBytes/2) + "...", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if function, symbol := Decode(tt.in); function != tt.function || symbol != tt.symbol {
				t.Errorf("%q, %q, want %q, %q", function, symbol, tt.function, tt.symbol)
			}
		})
	}
}

// Whatever a module calls its functions, what comes out is printable and bounded, and nothing panics.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"_ZN4core9panicking5panic17h0123456789abcdefE", "_RNvNtCs1234_7mycrate3foo3bar", "_ZN5shape4areaEPKcd",
		"_ZSt4copyIPKiPiET0_T_S4_S3_", "_RINvNtC3std3mem8align_ofNtNtC3std3mem12DiscriminantE", "_ZN1fIXspT_EEE\xff\x00",
		"_Z1fIiET_S0_S0_S0_S0_", strings.Repeat("_ZN1a", 200),
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, name string) {
		function, symbol := Decode(name)
		for _, s := range []string{function, symbol} {
			if len(s) > mostBytes+len("...") || !utf8.ValidString(s) || strings.ContainsAny(s, "\x00\x1b\n\r") {
				t.Errorf("%q decodes to %q", name, s)
			}
		}
	})
}

// The cost of the names that take longest for their size.
func BenchmarkDecode(b *testing.B) {
	template := "_Z1f" + strings.Repeat("ISt6vectorI", 90)
	nested := "_Z1fI" + strings.Repeat("1aI", 200) + "i" + strings.Repeat("E", 201) + "vT_" + strings.Repeat("S0_", 60)
	for name, in := range map[string]string{
		"rust":     "_ZN4core9panicking5panic17h0123456789abcdefE",
		"template": template,
		"nested":   nested,
		"double":   "_Z1f" + doubling(60),
		"types":    "_Z1f" + strings.Repeat("PFvPF", 200),
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Decode(in)
			}
		})
	}
}

// doubling is a list of parameters each of which has the one before it twice.
func doubling(n int) string {
	var b strings.Builder
	b.WriteString("1a")
	for range n {
		b.WriteString("PFS_S_E")
	}
	return b.String()
}
