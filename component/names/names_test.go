package names

import (
	"strings"
	"testing"
)

func TestParse(t *testing.T) {
	for _, c := range []struct {
		text string
		want Name
	}{
		{"run", Name{Kind: Label, Label: "run"}},
		{"a11-B11-123-ABC-abc", Name{Kind: Label, Label: "a11-B11-123-ABC-abc"}},
		{"[constructor]blob", Name{Kind: Constructor, Resource: "blob"}},
		{"[method]blob.read-all", Name{Kind: Method, Resource: "blob", Label: "read-all"}},
		{"[static]blob.merge", Name{Kind: Static, Resource: "blob", Label: "merge"}},
		{"wasi:io/poll", Name{Kind: Interface, Package: "wasi:io", Path: "wasi:io/poll"}},
		{"wasi:io/poll@0.2.12", Name{Kind: Interface, Package: "wasi:io", Path: "wasi:io/poll", Version: "0.2.12"}},
		{"wasi:io/poll@0.2", Name{Kind: Interface, Package: "wasi:io", Path: "wasi:io/poll", Version: "0.2"}},
		{"ns-1-a:b-1-c/D-2", Name{Kind: Interface, Package: "ns-1-a:b-1-c", Path: "ns-1-a:b-1-c/D-2"}},
		{"url=<https://example.com/a:b>", Name{Kind: Implementation}},
		{"url=<>,integrity=<sha256-a>", Name{Kind: Implementation}},
		{"locked-dep=<a:b@1.2.3>,integrity=< sha256-aB+/==  sha512-b?x >", Name{Kind: Implementation}},
		{"unlocked-dep=<a:b/c@{>=1.2.3-rc <2.0.0}>", Name{Kind: Implementation}},
		{"unlocked-dep=<a:b@*>", Name{Kind: Implementation}},
		{"integrity=<sha384-a>", Name{Kind: Implementation}},
	} {
		c.want.Text = c.text
		if got, err := Parse(c.text); err != nil || got != c.want {
			t.Errorf("%s: got %+v and %v, want %+v", c.text, got, err, c.want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{
		"", "1", "1-a", "a-", "a--b", "-a", "aBc", "a_b", "ä", "a.b", "wasi/http", "a-1Bc-d",
		"[constructor]", "[constructor]a.b", "[method]a", "[method]a.", "[method].b", "[method]a.b.c", "[getter]a.b", "[method", "[]a",
		"wasi:", "wasi:/", ":/", "a:b", "a:b/", "A:b/c", "a:B/c", "ns-A:b/c", "1:b/c", "a:b:c/d", "a:b/c/d", "wasi:http/TyPeS",
		"a:b/c@", "a:b/c@.", "a:b/c@1.", "a:b/c@a.2", "a:b/c@2.0x0", "a:b/c@2.0.0+", "a:b/c@2.0.0-", "a:b/c@1.2", "a:b/c@0",
		"a:b/c@01.0.0", "a:b/c@1.0.0-01", "a:b/c@1.0.0@1.0.0", "a:b/c@0.0", "a:b/c@+1.0.0",
		"url=", "url=<", "url=<<>", "url=<a>x", "relative-url=<a>", "locked-dep=<a:b@>", "locked-dep=<a:b>,", "unlocked-dep=<a:b@{<1.2.3 >=2.3.4}>",
		"integrity=<>", "integrity=<sha256>", "integrity=<sha256->", "integrity=<sha256-==>", "integrity=<md5-a>", "integrity=<sha256-a",
	} {
		if got, err := Parse(text); err == nil {
			t.Errorf("%q is taken as %+v", text, got)
		}
	}
}

// Names that generators of bindings could confuse have one key.
func TestKey(t *testing.T) {
	for _, c := range []struct {
		names []string
		same  bool
	}{
		{[]string{"foo", "foo-bar", "[constructor]foo", "[method]foo.bar", "[static]foo.baz", "foo:bar/baz", "foo:bar/baz@1.0.0"}, false},
		{[]string{"foo-bar", "foo-BAR", "foobar", "FOOB-ar", "[static]foobar.FOOBAR", "[method]foo-BAR.FOO-bar"}, true},
		{[]string{"[method]foo-bar.baz", "[static]foobar.b-az"}, true},
		{[]string{"foo-bar:baz/qux@1.0.0-rc.1", "foobar:baz/Q-U-X@1.0.0-rc.1"}, true},
		{[]string{"foo", "FOO", "[method]foo.foo", "[static]foo.FOO"}, true},
		{[]string{"[method]foo.bar", "[method]foo.BAR", "[static]foo.bar"}, true},
		{[]string{"[constructor]foo", "[constructor]FOO"}, true},
		{[]string{"foo:bar/baz", "foo:bar/BAZ"}, true},
		{[]string{"url=<A>", "url=<a>"}, false},
	} {
		keys := map[string]string{}
		for _, text := range c.names {
			n, err := Parse(text)
			if err != nil {
				t.Fatal(text, err)
			}
			if other, ok := keys[n.Key()]; ok != c.same && len(keys) > 0 {
				t.Errorf("%q and %q: same key: %v, want %v", text, other, ok, c.same)
			}
			keys[n.Key()] = text
		}
	}
}

func TestCompatible(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"run", "run", true},
		{"run", "RUN", false},
		{"wasi:io/poll", "wasi:io/poll", true},
		{"wasi:io/poll", "wasi:io/poll@0.2.0", false},
		{"wasi:io/poll@0.2.0", "wasi:io/poll@0.2.12", true},
		{"wasi:io/poll@0.2", "wasi:io/poll@0.2.12", true},
		{"wasi:io/poll@0.2.0", "wasi:io/poll@0.3.0", false},
		{"wasi:io/poll@0.2.0", "wasi:io/streams@0.2.0", false},
		{"wasi:io/poll@0.2.0-rc.1", "wasi:io/poll@0.2.0-rc.1", true},
		{"wasi:io/poll@0.2.0-rc.1", "wasi:io/poll@0.2.0", false},
		{"a:b/c@1.2.3", "a:b/c@1.9.0+build", true},
		{"a:b/c@1.2.3", "a:b/c@2.2.3", false},
		{"a:b/c@0.0.1", "a:b/c@0.0.2", false},
		{"a:b/c@0.0.1", "a:b/c@0.0.1+x", true},
		{"a:b/c@0.0.0", "a:b/c@0.0.0+x", true},
	} {
		a, err1 := Parse(c.a)
		b, err2 := Parse(c.b)
		if err1 != nil || err2 != nil {
			t.Fatal(c, err1, err2)
		}
		if a.Compatible(b) != c.want || b.Compatible(a) != c.want {
			t.Errorf("%s with %s: got %v and %v, want %v", c.a, c.b, a.Compatible(b), b.Compatible(a), c.want)
		}
	}
}

func TestCheckSuffix(t *testing.T) {
	for _, c := range []struct {
		name, suffix, fault string
	}{
		{"a:b/c@1", ".2.3", ""},
		{"a:b/c@0.2", ".3-rc.1", ""},
		{"a:b/c@0.0.1", "-alpha", ""},
		{"a:b/c@1", ".2", "is not a version"},
		{"a:b/c@1", "2.3", "is not a version"},
		{"a:b/c@1", "2.0.0", "is not the beginning"},
		{"a:b/c@1.0.0", "", "needs a name with the beginning of a version"},
		{"a:b/c", "1.0.0", "needs a name with the beginning of a version"},
	} {
		n, err := Parse(c.name)
		if err != nil {
			t.Fatal(err)
		}
		err = n.CheckSuffix(c.suffix)
		if c.fault == "" && err != nil || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s with %q: got %v, want %q", c.name, c.suffix, err, c.fault)
		}
	}
}

// What is parsed has its parts where they were.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{"run", "[method]a.b", "[static]a.a", "wasi:io/poll@0.2.12", "url=<a>", "a:b/c@1.0.0-rc.1+b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		n, err := Parse(text)
		if err != nil {
			return
		}
		var again string
		switch n.Kind {
		case Label:
			again = n.Label
		case Constructor:
			again = "[constructor]" + n.Resource
		case Method:
			again = "[method]" + n.Resource + "." + n.Label
		case Static:
			again = "[static]" + n.Resource + "." + n.Label
		case Interface:
			if again = n.Path; n.Version != "" {
				again += "@" + n.Version
			}
		case Implementation:
			again = n.Text
		}
		if again != text || !n.Compatible(n) || n.Key() == "" {
			t.Errorf("%q became %+v", text, n)
		}
	})
}
