package policy

import (
	"errors"
	"fmt"
	pathpkg "path"
	"path/filepath"
	"strings"
)

// Reference says where the daemon finds a secret: in a file, or in a variable of its environment. One of the two is set.
type Reference struct {
	File     string // absolute path
	Variable string
}

// ParseReference parses file:/PATH or env:NAME.
func ParseReference(s string) (Reference, error) {
	kind, rest, _ := strings.Cut(s, ":")
	switch {
	case strings.IndexByte(s, 0) >= 0:
		return Reference{}, errors.New("contains a zero byte")
	case kind == "file" && filepath.IsAbs(rest):
		return Reference{File: rest}, nil
	case kind == "env" && rest != "" && !strings.Contains(rest, "="):
		return Reference{Variable: rest}, nil
	}
	return Reference{}, fmt.Errorf("%q is not file:/PATH or env:NAME", s)
}

// String formats the reference for ParseReference.
func (r Reference) String() string {
	if r.File != "" {
		return "file:" + r.File
	}
	return "env:" + r.Variable
}

// References covers references to secrets.
type References struct {
	files    Dir    // if it has a pattern
	variable string // otherwise; it may have the wildcards of path.Match
}

// ParseReferences parses file:/PATH or env:NAME. Both may have the wildcards of path.Match; a path covers what is below
// it, too.
func ParseReferences(s string) (References, error) {
	r, err := ParseReference(s)
	if err != nil {
		return References{}, err
	}
	if r.File != "" {
		dir, err := ParseDir(r.File)
		return References{files: dir}, err
	}
	if _, err := pathpkg.Match(r.Variable, ""); err != nil {
		return References{}, fmt.Errorf("%q is not a pattern: %w", s, err)
	}
	return References{variable: r.Variable}, nil
}

// String formats the pattern for ParseReferences.
func (r References) String() string {
	if r.files.pattern != "" {
		return "file:" + r.files.pattern
	}
	return "env:" + r.variable
}

func (r References) includes(other References) bool {
	if r.files.pattern != "" {
		return other.files.pattern != "" && r.files.includes(other.files)
	}
	return other.files.pattern == "" && (r.variable == "*" || r.variable == other.variable)
}

// AllowsVariable reports whether a variable of the daemon's environment may be given to guests.
func (p Policy) AllowsVariable(name string) bool {
	for _, r := range p.Secrets {
		if r.files.pattern != "" {
			continue
		}
		if matched, err := pathpkg.Match(r.variable, name); err == nil && matched {
			return true
		}
	}
	return false
}

// AllowsFile reports whether the contents of the file at path, which is absolute, clean and without links, may be given to
// guests. resolve is as for AllowsDir.
func (p Policy) AllowsFile(path string, resolve func(string) (string, error)) bool {
	return Policy{Dirs: p.secretFiles()}.AllowsDir(path, resolve)
}

// AllowsFiles reports whether there is any file whose contents may be given to guests.
func (p Policy) AllowsFiles() bool { return len(p.secretFiles()) > 0 }

func (p Policy) secretFiles() (list []Dir) {
	for _, r := range p.Secrets {
		if r.files.pattern != "" {
			list = append(list, r.files)
		}
	}
	return list
}
