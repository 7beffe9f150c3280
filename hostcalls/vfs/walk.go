package vfs

import (
	"errors"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	// maxParts bounds the components of a path, those of its links included.
	maxParts = 4096
	// maxSteps bounds how many folders a walk opens, again after each `..` included.
	maxSteps = 4096
)

// walker opens the folders on a path, one after the other, each on the descriptor of the one before.
//
// It never follows a link: the target takes the link's place among the parts, so the same rules hold
// for it. It never opens `..`, for a folder may be moved while the walk is in it: `..` takes the part
// before it off the path, which the walk has opened and so knows for a folder, and the walk starts
// again. So wherever it is, the folder was beneath root when the walk passed through it, and there is no
// moment between a check and its use. The links of procfs that are none in truth, such as
// /proc/self/cwd, are links like any other by this: their target is text.
type walker struct {
	root, at int // descriptors: where the walk begins, and where it is; at is root at first
	parts    []string
	next     int // the first of parts that is not opened yet
	links    int
	steps    int
}

// walk opens the folder at path beneath the folder root, for passing through it, and returns its
// descriptor: root itself if the path leads there, else one for the caller to close. An empty path is
// root.
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

// components returns the names on a path. Dots and empty names lead nowhere and are left out.
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
	// What it fails with because of a link is different on different systems.
	target, linkErr := readlinkat(w.at, name)
	if linkErr != nil {
		return err
	}
	return w.through(target)
}

// up takes the dots that come next off the parts, each with a part before it.
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

// through puts the target of a link in the place of the next part.
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

// openFolder opens a folder for reading or, if search is enough and all that is permitted, for passing
// through.
func openFolder(dirfd int, name string, flags int, searchIsEnough bool) (fd int, search bool, err error) {
	fd, err = openat(dirfd, name, flags|unix.O_RDONLY|unix.O_DIRECTORY)
	if searchIsEnough && errors.Is(err, unix.EACCES) {
		fd, err = openSearch(dirfd, name, flags)
		return fd, true, err
	}
	return fd, false, err
}
