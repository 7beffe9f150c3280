package hooks

import (
	"strings"
	"testing"
)

const example = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

func TestParseTraceParent(t *testing.T) {
	for _, c := range []struct {
		name, header string
		want         TraceParent // empty: malformed
	}{
		{"as specified", example, example},
		{"not sampled", strings.TrimSuffix(example, "1") + "0", TraceParent(strings.TrimSuffix(example, "1") + "0")},
		{"flags that are not known", strings.TrimSuffix(example, "01") + "ff", TraceParent(strings.TrimSuffix(example, "01") + "ff")},
		{"a later version", "cc" + example[2:], example},
		{"a later version with more", "cc" + example[2:] + "-what-will-be", example},

		{"empty", "", ""},
		{"short", example[:54], ""},
		{"this version with more", example + "-00", ""},
		{"a later version that runs on", "cc" + example[2:] + "00", ""},
		{"the version that is forbidden", "ff" + example[2:], ""},
		{"a version that is no number", "0x" + example[2:], ""},
		{"capitals", strings.ToUpper(example), ""},
		{"no trace", "00-00000000000000000000000000000000-b7ad6b7169203331-01", ""},
		{"no span", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", ""},
		{"no number in the trace", "00-0af7651916cd43dd8448eb211c80319g-b7ad6b7169203331-01", ""},
		{"no number in the span", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333 -01", ""},
		{"no number in the flags", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0-", ""},
		{"no dashes", strings.ReplaceAll(example, "-", "0"), ""},
		{"spaces around", " " + example[1:] + " ", ""},
		{"other letters", strings.Repeat("é", 28), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, ok := ParseTraceParent(c.header)
			if got != c.want || ok != (c.want != "") {
				t.Errorf("ParseTraceParent(%q) = %q, %v, want %q", c.header, got, ok, c.want)
			}
		})
	}
}

func TestParseTrace(t *testing.T) {
	for _, c := range []struct {
		name, parent, state string
		want                Trace
	}{
		{"both", example, "a=1,b=2", Trace{example, "a=1,b=2"}},
		{"no parent", "", "a=1", Trace{}},
		{"a malformed parent", example[1:], "a=1", Trace{}},
		{"the longest", example, strings.Repeat("a", maxTraceState), Trace{example, strings.Repeat("a", maxTraceState)}},
		{"longer", example, strings.Repeat("a", maxTraceState+1), Trace{Parent: example}},
		{"a line break", example, "a=1\nb=2", Trace{Parent: example}},
		{"other letters", example, "a=é", Trace{Parent: example}},
		{"no UTF-8", example, "a=\xff", Trace{Parent: example}},
	} {
		if got := ParseTrace(c.parent, c.state); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}

func FuzzParseTraceParent(f *testing.F) {
	f.Add(example)
	f.Add("cc" + example[2:] + "-more")
	f.Fuzz(func(t *testing.T, header string) {
		parent, ok := ParseTraceParent(header)
		if !ok {
			if parent != "" {
				t.Errorf("%q is malformed and gives %q", header, parent)
			}
			return
		}
		if len(parent) != len(example) || !strings.HasPrefix(string(parent), "00-") {
			t.Errorf("%q gives %q", header, parent)
		}
		if again, ok := ParseTraceParent(string(parent)); !ok || again != parent {
			t.Errorf("%q does not give itself but %q, %v", parent, again, ok)
		}
	})
}
