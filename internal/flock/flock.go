package flock

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked is returned for a file that another process has locked, or that this process has locked by another open
// file.
var ErrLocked = errors.New("locked by another process")

// TryLock locks an open file, or a directory. Any error but ErrLocked means that it cannot be locked, as in
// some network file systems.
func TryLock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrLocked
	}
	return err
}
