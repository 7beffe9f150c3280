package wasihttp

import (
	"errors"
	"net/http"
	"reflect"
	"strings"
	"testing"
)

func list(f *Fields) (all []string) {
	for name, value := range f.All() {
		all = append(all, name+"="+value)
	}
	return all
}

func TestFields(t *testing.T) {
	f := &Fields{}
	for _, step := range []struct {
		do   func() error
		want string
	}{
		{func() error { return f.Append("Foo", "1") }, "Foo=1"},
		{func() error { return f.Append("bar", "") }, "Foo=1 bar="},
		{func() error { return f.Append("FOO", "2") }, "Foo=1 Foo=2 bar="},
		{func() error { return f.Set("foo", []string{"3"}) }, "bar= foo=3"},
		{func() error { return f.Set("bar", nil) }, "foo=3"},
		{func() error { _, err := f.Delete("FOO"); return err }, ""},
		{func() error { _, err := f.Delete("FOO"); return err }, ""},
	} {
		if err := step.do(); err != nil || strings.Join(list(f), " ") != step.want {
			t.Errorf("%q, %v; want %q", list(f), err, step.want)
		}
	}
	if f.Size() != 0 || f.Len() != 0 {
		t.Errorf("empty fields take %d bytes for %d values", f.Size(), f.Len())
	}
}

func TestFieldsRefuse(t *testing.T) {
	for _, tt := range []struct {
		name, value string
		want        error
	}{
		{"", "x", ErrSyntax},
		{"a b", "x", ErrSyntax},
		{"voilà", "x", ErrSyntax},
		{"a:", "x", ErrSyntax},
		{"a", "x\r\ny: z", ErrSyntax},
		{"a", "\x00", ErrSyntax},
		{"a", "\x7f", ErrSyntax},
		{"a", "\t\xff ~", nil},
		{"Host", "x", ErrForbidden},
		{"TRANSFER-encoding", "x", ErrForbidden},
		{"content-length", "x", nil}, // it is looked at when there is a body
		{"a", strings.Repeat("x", MaxFieldsBytes), ErrSize},
	} {
		f := &Fields{}
		_ = f.Append("other", "value")
		before := f.Size()
		if err := f.Append(tt.name, tt.value); !errors.Is(err, tt.want) {
			t.Errorf("appending %q: %v, want %v", tt.name, err, tt.want)
		}
		if tt.want == nil {
			continue
		}
		if err := f.Set(tt.name, []string{tt.value}); !errors.Is(err, tt.want) {
			t.Errorf("setting %q: %v, want %v", tt.name, err, tt.want)
		}
		if f.Size() != before || f.Len() != 1 {
			t.Errorf("after %q there are %q", tt.name, list(f))
		}
	}
	f := &Fields{}
	_ = f.Append("a", "b")
	f.Freeze()
	_, err := f.Delete("a")
	if !errors.Is(f.Append("a", "c"), ErrImmutable) || !errors.Is(f.Set("a", nil), ErrImmutable) || !errors.Is(err, ErrImmutable) {
		t.Error("frozen fields were changed")
	}
	c := f.Clone()
	if err := c.Append("a", "c"); err != nil || f.Len() != 1 || c.Len() != 2 {
		t.Errorf("a clone: %v, %q of %q", err, list(c), list(f))
	}
}

// However the bytes are spread, there are never more than the bound, and a map of net/http that has more is refused.
func TestFieldsAreBounded(t *testing.T) {
	f := &Fields{}
	n := 0
	for ; f.Append("x"+strings.Repeat("y", n%10), strings.Repeat("z", n%7)) == nil; n++ {
	}
	if f.Size() > MaxFieldsBytes || n < 1000 || n > MaxFieldsBytes/FieldBytes {
		t.Errorf("%d values take %d bytes", n, f.Size())
	}
	many := http.Header{}
	for range 2 * n {
		many.Add("a", "0123456")
	}
	if _, err := FieldsOf(many); !errors.Is(err, ErrSize) {
		t.Errorf("more than that: %v", err)
	}
}

func TestHeader(t *testing.T) {
	f, err := FieldsOf(http.Header{"B-C": {"1", "2"}, "A": {""}, "Connection": {"close"}, "Transfer-Encoding": {"chunked"}})
	if err != nil || !reflect.DeepEqual(list(f), []string{"a=", "b-c=1", "b-c=2"}) {
		t.Errorf("%q, %v", list(f), err)
	}
	if got := f.Header(); !reflect.DeepEqual(got, http.Header{"A": {""}, "B-C": {"1", "2"}}) {
		t.Errorf("%q", got)
	}
	if _, err := FieldsOf(http.Header{"A": {"x\n"}}); !errors.Is(err, ErrSyntax) {
		t.Errorf("a value with a line break: %v", err)
	}
}

func TestTrailer(t *testing.T) {
	f := &Fields{}
	for _, name := range []string{"x-sum", "content-length", "trailer", "authorization", "x-sum"} {
		if err := f.Append(name, "1"); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.Trailer(); len(got) != 1 || len(got["X-Sum"]) != 2 {
		t.Errorf("the trailers are %v", got)
	}
}

func TestContentLength(t *testing.T) {
	for values, want := range map[string]int64{"": -1, "0": 0, "5": 5, "5,5": 5, "5,6": -2, "+5": -2, "-1": -2, "x": -2, "9223372036854775808": -2, "5 ": -2} {
		f := &Fields{}
		for value := range strings.SplitSeq(values, ",") {
			if value != "" {
				_ = f.Append("Content-Length", value)
			}
		}
		n, err := f.ContentLength()
		if err != nil {
			n = -2
		}
		if n != want {
			t.Errorf("%q: %d, %v, want %d", values, n, err, want)
		}
	}
}

func TestSyntax(t *testing.T) {
	for what, tt := range map[string]struct {
		valid func(string) bool
		good  string // separated by spaces
		bad   []string
	}{
		"method":    {ValidMethod, "GET coucou M-SEARCH", []string{"", "a b", "é", "a/b"}},
		"scheme":    {ValidScheme, "http HTTPS a+b-c.1", []string{"", "1a", "a:", "a b", "é"}},
		"path":      {ValidPathWithQuery, "/ ? /a?b=c/d /%2F /% /é a/b ../..", []string{"/ ", "/\n", "/\x7f", "/<", "/#"}},
		"authority": {ValidAuthority, "a a.example:80 user:pass%20@a 1.2.3.4 [::1]:80 [2001:db8::1]", []string{"", "::", ":@", "@@", "@:", " ", "#", "a:what", "a:", "a:70000", "[::1", "[]", "[::1]x", "a/b", "a\n"}},
	} {
		for text := range strings.FieldsSeq(tt.good) {
			if !tt.valid(text) {
				t.Errorf("%s %q is refused", what, text)
			}
		}
		for _, text := range append(tt.bad, strings.Repeat("a", maxText+1)) {
			if tt.valid(text) {
				t.Errorf("%s %.20q is taken", what, text)
			}
		}
	}
}
