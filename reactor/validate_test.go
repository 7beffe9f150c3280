package reactor

import (
	"strings"
	"testing"

	"github.com/reactord/reactord/reactor/errs"
)

// What a client names is no path, no flag and no escape sequence to whoever uses the name later.
func TestNames(t *testing.T) {
	kinds := map[string]func(*errs.Faults, string){
		"id":    func(f *errs.Faults, s string) { checkNewID(f, "x", s) },
		"tag":   func(f *errs.Faults, s string) { checkNewTag(f, "x", s) },
		"key":   func(f *errs.Faults, s string) { checkLabels(f, map[string]string{s: ""}, 10) },
		"value": func(f *errs.Faults, s string) { checkLabels(f, map[string]string{"k": s}, 10) },
		"name":  func(f *errs.Faults, s string) { checkText(f, "x", s, maxNameBytes) },
	}
	for _, tc := range []struct{ text, taken string }{
		{"a", "id tag key value name"},
		{"A1._-x", "id tag key value name"},
		{"_x", "id tag key value name"},
		{"", "value name"},
		{".", "name"},
		{"..", "name"},
		{"...", "key value name"},
		{".hidden", "key value name"},
		{"-rf", "key value name"},
		{"--help", "key value name"},
		{"a/b", "tag key value name"},
		{"a/../b", "name"},
		{"../b", "name"},
		{"a/.", "name"},
		{"./a", "name"},
		{"/a", "key value name"},
		{"a//b", "key value name"},
		{"a/", "key value name"},
		{"a/-b", "key value name"},
		{"app:v1", "tag name"},
		{"a b", "name"},
		{"a%2e", "name"},
		{"$(x)", "name"},
		{"a\x1b[31m", ""},
		{"a\nb", ""},
		{"a\u009bb", ""},
		{"a\u202eb", ""},
		{"a\u2028b", ""},
		{"a\ufeffb", ""},
		{"a\xff", ""},
		{"\u0645\u06cc\u200c\u062e", "name"},
		{"\u00e9t\u00e9", "name"},
	} {
		for kind, check := range kinds {
			var f errs.Faults
			check(&f, tc.text)
			want := strings.Contains(" "+tc.taken+" ", " "+kind+" ")
			if got := len(f) == 0; got != want {
				t.Errorf("%q as %s: taken %v, want %v: %v", tc.text, kind, got, want, f)
			}
		}
	}
}
