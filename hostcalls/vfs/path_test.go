package vfs

import (
	"errors"
	"strings"
	"syscall"
	"testing"
)

func TestSplit(t *testing.T) {
	for path, want := range map[string]place{
		".":          {name: "."},
		"./":         {name: "."},
		"..":         {dir: "..", name: "."},
		"../":        {dir: "..", name: "."},
		"a":          {name: "a"},
		"a/":         {name: "a", slash: true},
		"a///":       {name: "a", slash: true},
		"a/b":        {dir: "a", name: "b"},
		"a//b":       {dir: "a/", name: "b"},
		"a/b//":      {dir: "a", name: "b", slash: true},
		"a/.":        {dir: "a", name: "."},
		"a/./":       {dir: "a", name: "."},
		"a/..":       {dir: "a/..", name: "."},
		"a/../":      {dir: "a/..", name: "."},
		"../a":       {dir: "..", name: "a"},
		"a/../../b":  {dir: "a/../..", name: "b"},
		"...":        {name: "..."},
		"..a":        {name: "..a"},
		".hidden":    {name: ".hidden"},
		"a/..b/c../": {dir: "a/..b", name: "c..", slash: true},
	} {
		if got, err := split(path); err != nil || got != want {
			t.Errorf("split(%q) = %+v, %v; want %+v", path, got, err, want)
		}
	}
	for path, want := range map[string]error{
		"":                          syscall.ENOENT,
		"/":                         ErrEscapes,
		"//":                        ErrEscapes,
		"/a":                        ErrEscapes,
		"a\x00":                     syscall.EINVAL,
		"a\x00/../..":               syscall.EINVAL,
		strings.Repeat("a", 4096):   syscall.ENAMETOOLONG,
		strings.Repeat("a/", 2048):  syscall.ENAMETOOLONG,
		strings.Repeat("../", 9999): syscall.ENAMETOOLONG,
	} {
		if got, err := split(path); !errors.Is(err, want) {
			t.Errorf("split(%.20q) = %+v, %v; want %v", path, got, err, want)
		}
	}
}

func TestThrough(t *testing.T) {
	for _, c := range []struct {
		path, target string
		want         place
		err          error
	}{
		{"l", "t", place{name: "t"}, nil},
		{"a/l", "t", place{dir: "a", name: "t"}, nil},
		{"a/l", "../t", place{dir: "a/..", name: "t"}, nil},
		{"a/l", "..", place{dir: "a/..", name: "."}, nil},
		{"l", "..", place{dir: "..", name: "."}, nil},
		{"l", ".", place{name: "."}, nil},
		{"l/", "t", place{name: "t", slash: true}, nil},
		{"l", "t/", place{name: "t", slash: true}, nil},
		{"l", "/t", place{}, ErrEscapes},
		{"a/l", "/t", place{}, ErrEscapes},
		{"l", "", place{}, syscall.ENOENT},
		{"l", strings.Repeat("x", 4096), place{}, syscall.ENAMETOOLONG},
	} {
		p, err := split(c.path)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := p.through(c.target); got != c.want || !errors.Is(err, c.err) {
			t.Errorf("%q through %.20q = %+v, %v; want %+v, %v", c.path, c.target, got, err, c.want, c.err)
		}
	}
}

// FuzzSplit checks what the system calls rely on: the last name is a single name that leads neither up nor out.
func FuzzSplit(f *testing.F) {
	for _, s := range []string{"", ".", "..", "a/../b/", "//", "a//..//", "\x00", "a/./.."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, path string) {
		p, err := split(path)
		if err != nil {
			return
		}
		if p.name == "" || p.name == ".." || strings.ContainsAny(p.name, "/\x00") {
			t.Errorf("split(%q): name %q", path, p.name)
		}
		if strings.HasPrefix(p.dir, "/") {
			t.Errorf("split(%q): absolute folder %q", path, p.dir)
		}
		again, err := split(p.String())
		if err != nil || again != p {
			t.Errorf("split(%q) = %+v, whose String %q splits into %+v, %v", path, p, p.String(), again, err)
		}
	})
}
