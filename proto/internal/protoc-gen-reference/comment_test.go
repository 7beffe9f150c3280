package main

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/compiler/protogen"
)

func TestSplitErrors(t *testing.T) {
	for _, tc := range []struct {
		name    string
		comment string
		about   []string
		reasons []string
		remark  string
		ok      bool
	}{
		{"some", " It does.\n\n Errors: A, B,\n C.\n", []string{"It does."}, []string{"A", "B", "C"}, "", true},
		{"none", " It does.\n\n Errors: none.\n", []string{"It does."}, nil, "", true},
		{"a remark", " Errors: A. A result may have B. Or C.\n", nil, []string{"A"}, "A result may have B. Or C.", true},
		{"no list", " It does.\n", []string{"It does."}, nil, "", false},
		{"not the last paragraph", " Errors: A.\n\n It does.\n", []string{"Errors: A.", "It does."}, nil, "", false},
		{"no end", " Errors: A\n", nil, []string{"A"}, "", false},
		{"no comment", "", nil, nil, "", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			about, list, ok := splitErrors(paragraphs(protogen.Comments(tc.comment)))
			if ok != tc.ok || !slices.Equal(about, tc.about) || !slices.Equal(list.reasons, tc.reasons) || list.remark != tc.remark {
				t.Errorf("got %q, %q, %v", about, list, ok)
			}
		})
	}
}

func TestWithoutName(t *testing.T) {
	for text, want := range map[string]string{
		"size is how large it is.": "how large it is.",
		"size are two numbers.":    "two numbers.",
		"size: none.":              "none.",
		"size bounds it.":          "bounds it.",
		"sizes differ.":            "sizes differ.",
		"It has a size.":           "It has a size.",
		"":                         "",
	} {
		if got := withoutName("size", text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestProse(t *testing.T) {
	p := &page{names: map[string]bool{"ListOps": true, "Op": true, "GetNode": true}, section: "GetNode"}
	for _, tc := range []struct{ text, want string }{
		{`plain words, and a.b`, `plain words, and a.b`},
		{`page_size bounds LIMIT_EXCEEDED`, "`page_size` bounds `LIMIT_EXCEEDED`"},
		{`"a_b<c>" is quoted`, "`a_b<c>` is quoted"},
		{`ListOps lists all, GetNode is here, and Op is a word`, "[ListOps](#listops) lists all, GetNode is here, and Op is a word"},
		{`a < b, _start and [c]`, `a \< b, \_start and \[c]`},
	} {
		if got := p.prose(tc.text); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
	if got := p.cell("a|b"); got != `a\|b` {
		t.Errorf("a cell is %q", got)
	}
}

func TestWrap(t *testing.T) {
	word := strings.Repeat("x", width/2)
	for _, tc := range []struct{ text, want string }{
		{"a  b", "a b"},
		{word + " " + word, word + "\n" + word},
		{word + " " + word[1:], word + " " + word[1:]},
		{"a " + strings.Repeat("é", width), "a\n" + strings.Repeat("é", width)},
	} {
		if got := wrap(tc.text); got != tc.want {
			t.Errorf("%q: got %q, want %q", tc.text, got, tc.want)
		}
	}
}
