package architecture

import (
	"slices"
	"testing"
)

func TestCheck(t *testing.T) {
	say := wording{
		unlisted: "%[1]s unlisted", forbidden: "%[1]s has %[2]s", unused: "%[3]s needs no %[2]s", dead: "%[3]s dead",
	}
	for _, c := range []struct {
		name        string
		rules, uses map[string][]string
		want        []string
	}{
		{
			name:  "allowed",
			rules: map[string][]string{"a": {"b", "c/..."}, "b": nil},
			uses:  map[string][]string{"a": {"b", "c", "c/d/e"}, "b": nil},
		},
		{
			name:  "a package without a rule",
			rules: map[string][]string{"a": nil},
			uses:  map[string][]string{"a": nil, "a/new": {"b"}},
			want:  []string{"a/new unlisted"},
		},
		{
			name:  "one package is not what is below it",
			rules: map[string][]string{"a": {"b"}},
			uses:  map[string][]string{"a": {"b", "b/c", "bc"}},
			want:  []string{"a has b/c", "a has bc"},
		},
		{
			name:  "a subtree is whole elements of a path",
			rules: map[string][]string{"a/...": {"b/..."}},
			uses:  map[string][]string{"a": {"b"}, "a/b": {"bc"}, "ab": nil},
			want:  []string{"a/b has bc", "ab unlisted"},
		},
		{
			name:  "permissions that nothing uses",
			rules: map[string][]string{"a": {"b", "c"}, "gone": {"b"}},
			uses:  map[string][]string{"a": {"b"}},
			want:  []string{"a needs no c", "gone dead"},
		},
		{
			name:  "a permission twice",
			rules: map[string][]string{"a": {"b/...", "b/c"}},
			uses:  map[string][]string{"a": {"b", "b/c"}},
			want:  []string{"a needs no b/c"},
		},
		{
			name:  "two rules",
			rules: map[string][]string{"a/...": nil, "a/b": nil},
			uses:  map[string][]string{"a/b": nil},
			want:  []string{`a/b stands under more than one rule, ["a/..." "a/b"]: leave one of them`},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := check(c.rules, c.uses, say); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestFloors(t *testing.T) {
	got := checkFloors(packages{
		"executor/engine": {module + "executor", module + "proto/v1", "fmt"},
		"hostcalls":       {module + "reactor/errs", module + "executor"},
		"examples":        {module + "cmd/x"},
	})
	if len(got) != 1 || !slices.ContainsFunc(got, func(s string) bool { return s[:9] == "hostcalls" }) {
		t.Errorf("got %q, want only that hostcalls imports reactor/errs", got)
	}
}
