package intake

import (
	"strings"
	"testing"
	"time"

	"github.com/reactord/reactord/reactor/errs"
	"github.com/reactord/reactord/reactor/internal/text"
)

// What a client names is no path, no flag and no escape sequence to whoever uses the name later.
func TestNames(t *testing.T) {
	kinds := map[string]func(*errs.Faults, string){
		"id":    func(f *errs.Faults, s string) { CheckNewID(f, "x", s) },
		"tag":   func(f *errs.Faults, s string) { CheckNewTag(f, "x", s) },
		"key":   func(f *errs.Faults, s string) { checkLabels(f, map[string]string{s: ""}, 10) },
		"value": func(f *errs.Faults, s string) { checkLabels(f, map[string]string{"k": s}, 10) },
		"name":  func(f *errs.Faults, s string) { text.Check(f, "x", s, maxNameBytes) },
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
		{"c0ffee", "id tag key value name"},
		{strings.Repeat("0123456789ABCDEF", 4), "id name"},
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

// TestNameBounds: an id and a tag have 128 bytes at most.
func TestNameBounds(t *testing.T) {
	for name, check := range map[string]func(f *errs.Faults, path, s string){
		"id": CheckID, "new id": CheckNewID, "tag": CheckTag, "new tag": CheckNewTag,
	} {
		for n, faults := range map[int]int{128: 0, 129: 1} {
			var f errs.Faults
			check(&f, "x", strings.Repeat("a", n))
			if len(f) != faults || faults > 0 && f[0].Path != "x" {
				t.Errorf("%s of %d bytes: %v", name, n, f)
			}
		}
	}
}

// TestNewID holds that ids are valid, that no two are alike, and that they are in the order of time.
func TestNewID(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	last, seen := "", map[string]bool{}
	for range 1000 {
		now = now.Add(time.Millisecond)
		a, b := NewID(now), NewID(now)
		var f errs.Faults
		CheckID(&f, "id", a)
		if len(f) > 0 || len(a) != 20 || a <= last || b <= last || seen[a] || seen[b] || a == b {
			t.Fatalf("ids %q and %q after %q: %v", a, b, last, f)
		}
		seen[a], seen[b], last = true, true, max(a, b)
	}
}
