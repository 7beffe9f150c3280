package lookup

import (
	"io/fs"
	"os"
	"slices"
	"strings"
	"syscall"
)

// Files is the part of a file system that a lookup uses. Paths are absolute and have no links before their last part.
type Files interface {
	Lstat(path string) (fs.FileInfo, error)
	Readlink(path string) (string, error)
}

// Host is the host's files. Its methods wait for as long as the file system takes.
type Host struct{}

// Lstat is os.Lstat.
func (Host) Lstat(path string) (fs.FileInfo, error) { return os.Lstat(path) }

// Readlink is os.Readlink.
func (Host) Readlink(path string) (string, error) { return os.Readlink(path) }

// Step is a file on the way to another.
type Step struct {
	Path string // absolute, clean, and without links
	Info fs.FileInfo
}

// maxLinks bounds the links in a path, as filepath.EvalSymlinks does.
const maxLinks = 255

// Resolve follows the links of an absolute path. It returns the steps to the file: the first is the root, the last
// is the file itself. Errors are those of Files, ENOTDIR, and ELOOP.
func Resolve(files Files, path string) ([]Step, error) {
	root, err := files.Lstat("/")
	if err != nil {
		return nil, err
	}
	steps := []Step{{"/", root}}
	links := 0
	for rest := strings.Split(path, "/"); len(rest) > 0; {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			steps = steps[:max(1, len(steps)-1)]
			continue
		}
		next := strings.TrimSuffix(steps[len(steps)-1].Path, "/") + "/" + name
		info, err := files.Lstat(next)
		switch {
		case err != nil:
			return nil, err
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return nil, &fs.PathError{Op: "resolve", Path: path, Err: syscall.ELOOP}
			}
			target, err := files.Readlink(next)
			if err != nil {
				return nil, err
			}
			if strings.HasPrefix(target, "/") {
				steps = steps[:1]
			}
			rest = slices.Concat(strings.Split(target, "/"), rest)
		case !info.IsDir() && len(rest) > 0:
			return nil, &fs.PathError{Op: "resolve", Path: next, Err: syscall.ENOTDIR}
		default:
			steps = append(steps, Step{next, info})
		}
	}
	return steps, nil
}
