package vfs

import (
	"errors"
	"strings"
	"syscall"
)

// ErrEscapes is returned for a path that is absolute or leads out of the folder.
var ErrEscapes = errors.New("path leads out of the granted folder")

const (
	// maxPath bounds a path in bytes, links substituted: PATH_MAX on Linux, without the NUL.
	maxPath = 4095
	// maxLinks bounds how many links in the place of the last name are followed, and for each how many
	// in its folder part (MAXSYMLINKS on Linux).
	maxLinks = 40
)

// place is a path, split: the name in the folder dir, which is "" for the Dir itself.
//
// name has no slash. It is "." when the path ends in a dot component, which then is part of dir: so
// no name that is handed to the system leads upwards.
type place struct {
	dir, name string
	slash     bool // the path ends in a slash: the name must be a folder's
}

// split parses a path. It does not look at the file system: `..` is left to the walk, since what it
// means depends on links.
func split(path string) (place, error) {
	switch {
	case path == "":
		return place{}, syscall.ENOENT
	case len(path) > maxPath:
		return place{}, syscall.ENAMETOOLONG
	case strings.IndexByte(path, 0) >= 0:
		return place{}, syscall.EINVAL
	case path[0] == '/':
		return place{}, ErrEscapes
	}
	trimmed := strings.TrimRight(path, "/")
	dir, name := "", trimmed
	if i := strings.LastIndexByte(trimmed, '/'); i >= 0 {
		dir, name = trimmed[:i], trimmed[i+1:]
	}
	switch name {
	case ".":
		return place{dir: dir, name: "."}, nil
	case "..":
		return place{dir: trimmed, name: "."}, nil
	}
	return place{dir: dir, name: name, slash: len(trimmed) < len(path)}, nil
}

// String returns a path that splits into p.
func (p place) String() string {
	path := p.name
	if p.dir != "" {
		path = p.dir + "/" + p.name
	}
	if p.slash {
		path += "/"
	}
	return path
}

// through returns the place meant by p if its name is a link to target.
func (p place) through(target string) (place, error) {
	if target == "" {
		return place{}, syscall.ENOENT
	}
	if target[0] == '/' {
		return place{}, ErrEscapes
	}
	q, err := split(place{dir: p.dir, name: target, slash: p.slash}.String())
	return q, err
}
