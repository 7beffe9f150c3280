package vfs

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// maxParts bounds the components of a path, including those of its links.
	maxParts = 4096
	// maxSteps bounds the folders that a walk opens, including those opened again after each `..`.
	maxSteps = 4096
)

// walker opens the folders on a path one after the other, each relative to the descriptor of the one before.
//
// It never follows a link: the target replaces the link among the parts, so the same rules apply to it. It never
// opens `..`, since a folder may be moved while the walk is in it: `..` removes the part before it, which the walk
// has opened and so knows to be a folder, and the walk starts again. So each folder was beneath root when the walk
// passed through it, and nothing can change between a check and its use. The magic links of procfs, such as
// /proc/self/cwd, are handled like other links: by the text of their target.
type walker struct {
	root, at int // descriptors of the first and the current folder; initially the same
	parts    []string
	next     int // the first of parts that is not opened yet
	links    int
	steps    int
}

// walk opens the folder at path beneath the folder root for search. It returns its descriptor, which is root itself if
// the path leads there, and otherwise has to be closed by the caller. An empty path is root.
func walk(root int, path string) (fd int, err error) {
	w := walker{root: root, at: root, parts: components(path)}
	for w.next < len(w.parts) {
		if err := w.step(); err != nil {
			w.moveTo(root)
			return -1, err
		}
	}
	return w.at, nil
}

// components returns the names on a path, without dots and empty names.
func components(path string) []string {
	parts := strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
	return slices.DeleteFunc(parts, func(name string) bool { return name == "." })
}

func (w *walker) step() error {
	name := w.parts[w.next]
	if name == ".." {
		return w.up()
	}
	if w.steps++; w.steps > maxSteps {
		return syscall.ENAMETOOLONG
	}
	fd, err := openSearch(w.at, name, unix.O_NOFOLLOW)
	if err == nil {
		w.moveTo(fd)
		w.next++
		return nil
	}
	// The error for a link depends on the system, so try to read a link.
	target, linkErr := readlinkat(w.at, name)
	if linkErr != nil {
		return err
	}
	return w.through(target)
}

// up removes the next `..` parts, each together with a part before it.
func (w *walker) up() error {
	end := w.next
	for end < len(w.parts) && w.parts[end] == ".." {
		end++
	}
	start := w.next - (end - w.next)
	if start < 0 {
		return ErrEscapes
	}
	w.parts = slices.Delete(w.parts, start, end)
	w.next = 0
	w.moveTo(w.root)
	return nil
}

// through replaces the next part, a link, by its target.
func (w *walker) through(target string) error {
	if w.links++; w.links > maxLinks {
		return syscall.ELOOP
	}
	switch {
	case target == "":
		return syscall.ENOENT
	case target[0] == '/':
		return ErrEscapes
	}
	w.parts = slices.Replace(w.parts, w.next, w.next+1, components(target)...)
	if len(w.parts) > maxParts {
		return syscall.ENAMETOOLONG
	}
	return nil
}

func (w *walker) moveTo(fd int) {
	if w.at != w.root {
		_ = unix.Close(w.at)
	}
	w.at = fd
}

// openFolder opens a folder for reading, or for search if that is enough and reading is not permitted.
func openFolder(dirfd int, name string, flags int, searchIsEnough bool) (fd int, search bool, err error) {
	fd, err = openat(dirfd, name, flags|unix.O_RDONLY|unix.O_DIRECTORY)
	if searchIsEnough && errors.Is(err, unix.EACCES) {
		fd, err = openSearch(dirfd, name, flags)
		return fd, true, err
	}
	return fd, false, err
}
