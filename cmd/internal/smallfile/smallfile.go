package smallfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
	"time"
)

// patience is how long a read of a regular file waits, where the system can tell that it waits.
const patience = time.Second

// Most is the largest size of a file that is read, in bytes.
const Most = 1 << 20

var (
	errTooLarge   = fmt.Errorf("it has more than the %d MiB that are read of such a file", Most>>20)
	errNotRegular = errors.New("it is not a regular file")
)

// Read reads a file, or a pipe or a device to its end.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return read(f)
}

// ReadRegular reads a file that may be read again and again. It refuses all that is not a regular file, and waits for
// nobody who may write to it.
func ReadRegular(path string) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &fs.PathError{Op: "read", Path: path, Err: errNotRegular}
	}
	_ = f.SetReadDeadline(time.Now().Add(patience)) // for what is a file only by its name, as some below /proc are
	return read(f)
}

func read(f *os.File) ([]byte, error) {
	text, err := io.ReadAll(io.LimitReader(f, Most+1))
	if err != nil {
		return nil, err
	}
	if len(text) > Most {
		return nil, &fs.PathError{Op: "read", Path: f.Name(), Err: errTooLarge}
	}
	return text, nil
}
