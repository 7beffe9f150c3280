package policy

import (
	"fmt"
	pathpkg "path"
	"path/filepath"
	"strings"
)

// Dir covers the folders that match a pattern, and everything below them.
type Dir struct{ pattern string }

// ParseDir parses an absolute path. Its parts may have the wildcards of path.Match, none of which
// matches a slash.
func ParseDir(s string) (Dir, error) {
	if !filepath.IsAbs(s) {
		return Dir{}, fmt.Errorf("%q is not an absolute path", s)
	}
	if _, err := pathpkg.Match(s, ""); err != nil {
		return Dir{}, fmt.Errorf("%q is not a pattern: %w", s, err)
	}
	for part := range strings.SplitSeq(s, "/") {
		if part == ".." {
			return Dir{}, fmt.Errorf("%q has \"..\" in it", s)
		}
	}
	return Dir{pathpkg.Clean(s)}, nil
}

// String formats the pattern for ParseDir.
func (d Dir) String() string { return d.pattern }

// covers reports whether path, which is absolute, clean and without links, is covered. The part of the
// pattern before the first wildcard may have links, which resolve follows.
func (d Dir) covers(path string, resolve func(string) (string, error)) bool {
	if d.pattern == "/" {
		return true
	}
	fixed, wild := split(d.pattern)
	if target, err := resolve(fixed); err == nil {
		fixed = target
	}
	rest, ok := below(path, fixed)
	if !ok || len(rest) < len(wild) {
		return false
	}
	for i, pattern := range wild {
		if matched, err := pathpkg.Match(pattern, rest[i]); err != nil || !matched {
			return false
		}
	}
	return true
}

// split splits a pattern before its first part that has a wildcard.
func split(pattern string) (fixed string, wild []string) {
	parts := strings.Split(strings.TrimPrefix(pattern, "/"), "/")
	for i, part := range parts {
		if strings.ContainsAny(part, `*?[\`) {
			return "/" + strings.Join(parts[:i], "/"), parts[i:]
		}
	}
	return pattern, nil
}

// below returns the parts of path that follow those of dir, if path is dir or lies below it. Both are absolute
// and clean.
func below(path, dir string) (rest []string, ok bool) {
	if path == dir {
		return nil, true
	}
	tail, ok := strings.CutPrefix(path, strings.TrimSuffix(dir, "/")+"/")
	if !ok {
		return nil, false
	}
	return strings.Split(tail, "/"), true
}

// AllowsDir reports whether the folder at path, which is absolute, clean and without links, may be granted. It calls
// resolve, which follows links, on the part of a pattern before its first wildcard. Patterns that cover the path as
// they are written are tried first, so that others, whose file systems may not answer, are left alone.
func (p Policy) AllowsDir(path string, resolve func(string) (string, error)) bool {
	for _, asWritten := range []bool{true, false} {
		for _, d := range p.Dirs {
			if d.covers(path, asItIs) == asWritten && d.covers(path, resolve) {
				return true
			}
		}
	}
	return false
}

func asItIs(path string) (string, error) { return path, nil }
