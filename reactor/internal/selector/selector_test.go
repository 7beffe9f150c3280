package selector

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/reactor/store"
)

func TestParse(t *testing.T) {
	for _, tc := range []struct {
		in   string
		want []store.Requirement
	}{
		{"", nil},
		{"  ", nil},
		{"app", []store.Requirement{{Key: "app", Op: store.Exists}}},
		{"!app", []store.Requirement{{Key: "app", Op: store.NotExists}}},
		{"! app", []store.Requirement{{Key: "app", Op: store.NotExists}}},
		{"app=web", []store.Requirement{{Key: "app", Op: store.Equal, Value: "web"}}},
		{"app=", []store.Requirement{{Key: "app", Op: store.Equal}}},
		{"app != web", []store.Requirement{{Key: "app", Op: store.NotEqual, Value: "web"}}},
		{"a/b=c.d, tier!=test ,x", []store.Requirement{
			{Key: "a/b", Op: store.Equal, Value: "c.d"},
			{Key: "tier", Op: store.NotEqual, Value: "test"},
			{Key: "x", Op: store.Exists},
		}},
		{"app in (web, api,web)", []store.Requirement{{Key: "app", Op: store.In, Values: []string{"api", "web"}}}},
		{"app notin(web,)", []store.Requirement{{Key: "app", Op: store.NotIn, Values: []string{"", "web"}}}},
		{"app in ( web )", []store.Requirement{{Key: "app", Op: store.Equal, Value: "web"}}},
		{"app notin (web)", []store.Requirement{{Key: "app", Op: store.NotEqual, Value: "web"}}},
		{"a, in in (b,c) ,!d", []store.Requirement{
			{Key: "a", Op: store.Exists},
			{Key: "in", Op: store.In, Values: []string{"b", "c"}},
			{Key: "d", Op: store.NotExists},
		}},
	} {
		got, err := Parse(tc.in)
		if err != nil {
			t.Errorf("Parse(%q): %v", tc.in, err)
			continue
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("Parse(%q) (-want +got):\n%s", tc.in, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, in := range []string{
		",", "a,", "=v", "!=v", "!", "!!a", "a==b", "a=b=c", "a b", "a=b c", "ключ", "a=\x00",
		"a in", "a in b", "a in ()", "a in (b", "a in b)", "a (b)", "a out (b)", "in (b)", "!a in (b)", "a in (b)c", "a in ((b))",
		"a in (b c)", "a=(b)", "a in (b),", "a in (b", "a in (b, c", "a in " + "(" + strings.Repeat("v,", MaxValues) + ")",
		strings.Repeat("k", MaxBytes+1), "a=" + strings.Repeat("v", MaxBytes+1),
		strings.Repeat("a,", MaxRequirements) + "a",
	} {
		if got, err := Parse(in); err == nil {
			t.Errorf("Parse(%q) = %v, want an error", in, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"", "a", "!a", "a=b", "a!=b", "a = b , !c", "a==b", ",,", "!a=b", "a in (b, c),d notin (e,)", "a in (b),c", "a in ()"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		reqs, err := Parse(s)
		if err != nil {
			return
		}
		for _, r := range reqs {
			if CheckKey(r.Key) != nil || slices.ContainsFunc(append(r.Values, r.Value), func(v string) bool { return CheckValue(v) != nil }) {
				t.Fatalf("Parse(%q) let %+v through", s, r)
			}
		}
		again, err := Parse(format(reqs))
		if err != nil {
			t.Fatalf("Parse(%q) gave %q, which does not parse: %v", s, format(reqs), err)
		}
		if diff := cmp.Diff(reqs, again); diff != "" {
			t.Fatalf("Parse(%q) does not survive Format (-want +got):\n%s", s, diff)
		}
	})
}

// format writes requirements so that Parse reads them back.
func format(reqs []store.Requirement) string {
	var b strings.Builder
	for i, r := range reqs {
		if i > 0 {
			b.WriteByte(',')
		}
		switch r.Op {
		case store.Equal:
			b.WriteString(r.Key + "=" + r.Value)
		case store.NotEqual:
			b.WriteString(r.Key + "!=" + r.Value)
		case store.Exists:
			b.WriteString(r.Key)
		case store.NotExists:
			b.WriteString("!" + r.Key)
		case store.In:
			b.WriteString(r.Key + " in (" + strings.Join(r.Values, ",") + ")")
		case store.NotIn:
			b.WriteString(r.Key + " notin (" + strings.Join(r.Values, ",") + ")")
		}
	}
	return b.String()
}
