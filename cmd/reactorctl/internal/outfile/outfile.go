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
	"syscall"
)

// Write makes a file of what write writes, with a mode, in the place of one that is there, once that is complete: until then, and if it fails, the file
// stays as it was. A symbolic link stays, and what it points to is replaced. A device or a pipe stays as well, and is written to at once.
func Write(path string, mode fs.FileMode, write func(io.Writer) error) error {
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
