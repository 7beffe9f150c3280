package vfs

import (
	"errors"
	"strings"
	"syscall"
)

// ErrEscapes is returned for a path that is absolute or leads out of the folder.
var ErrEscapes = errors.New("path leads out of the granted folder")

const (
	// maxPath bounds the bytes of a path, with links replaced: PATH_MAX on Linux, without the NUL.
	maxPath = 4095
	// maxLinks bounds the links that are followed as last names, and for each of these the links in its folder
	// part (MAXSYMLINKS on Linux).
	maxLinks = 40
)

// place is a split path: a name in the folder dir, which is "" for the Dir itself.
//
// name has no slash. If the path ends in a dot component, that is part of dir and name is ".". So no name passed to
// the system leads upwards.
type place struct {
	dir, name string
	slash     bool // the path ends in a slash: the name must be a folder
}

// split parses a path without using the file system. It leaves `..` to the walk, since its meaning depends on
// links.
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

// through returns the place that p leads to if its name is a link to target.
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
