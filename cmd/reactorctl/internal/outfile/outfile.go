// Package outfile writes the files that people name for what a command makes.
//
// Its functions may be called from any goroutine. They block while the file system does, and until somebody reads a pipe.
package outfile

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links are followed.
const maxLinks = 40

// Write makes a file of what write writes, with a mode, in the place of one that is there, once that is complete: until then, and if it fails, the file
// stays as it was. A symbolic link stays, and what it points to is replaced. A device or a pipe stays as well, and is
// written to at once, and so is what stands for a descriptor, such as /dev/stdout.
func Write(path string, mode fs.FileMode, write func(io.Writer) error) error {
	if fd, ok := descriptor(path); ok {
		return writeTo(fd, path, write)
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && !isLink(path):
		return replace(path, path, mode, write)
	case err != nil:
		return meant("write", path, err)
	case info.IsDir():
		return &fs.PathError{Op: "write", Path: path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return writeInto(path, write)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return meant("write", path, err)
	}
	return replace(path, target, mode, write)
}

// descriptor returns the descriptor of this process that a path stands for, as /dev/stdout does, also by links.
func descriptor(path string) (fd int, ok bool) {
	for range maxLinks {
		for _, folder := range []string{"/dev/fd/", "/proc/self/fd/"} {
			if number, is := strings.CutPrefix(path, folder); is {
				fd, err := strconv.Atoi(number)
				return fd, err == nil
			}
		}
		to, err := os.Readlink(path)
		if err != nil {
			return 0, false
		}
		if !filepath.IsAbs(to) {
			to = filepath.Join(filepath.Dir(path), to)
		}
		path = to
	}
	return 0, false
}

// writeTo writes by a descriptor, where it stands: what it has written before, and others who have it, are not in the way.
func writeTo(fd int, path string, write func(io.Writer) error) error {
	twin, err := syscall.Dup(fd)
	if err != nil {
		return meant("write", path, err)
	}
	f := os.NewFile(uintptr(twin), path)
	return errors.Join(write(f), f.Close())
}

// writeInto writes to what is there, and is no file.
func writeInto(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}

func isLink(path string) bool {
	info, err := os.Lstat(path)
	return err == nil && info.Mode().Type() == fs.ModeSymlink
}

// replace writes to a file beside target, which then takes its place. Errors are about path.
func replace(path, target string, mode fs.FileMode, write func(io.Writer) error) (err error) {
	folder, name := filepath.Split(target)
	partial, err := os.CreateTemp(filepath.Clean(folder), name+".*")
	if err != nil {
		return meant("create", path, err)
	}
	defer func() {
		_ = partial.Close()
		if err != nil {
			_ = os.Remove(partial.Name())
		}
	}()
	if err := write(partial); err != nil {
		return err
	}
	if err := errors.Join(partial.Chmod(mode), partial.Close()); err != nil {
		return meant("write", path, err)
	}
	return meant("write", path, os.Rename(partial.Name(), target))
}

// meant is an error about another file as one about the file that was named.
func meant(op, path string, err error) error {
	number, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return err
	}
	return &fs.PathError{Op: op, Path: path, Err: number}
}
