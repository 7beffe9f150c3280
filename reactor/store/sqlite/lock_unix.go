//go:build unix

package sqlite

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/reactord/reactord/internal/flock"
	"github.com/reactord/reactord/reactor/store"
)

// dirLock is the lock of a store's directory.
type dirLock struct{ dir, file *os.File }

// lockDir takes the lock of a store's directory. The kernel releases the locks of a process that dies. The lock
// of the directory itself holds however other processes come to the same files. The lock of the file in it also
// works where directories cannot be locked, as in some network file systems, and the file says who has it. The file
// is never removed: another process may have it open and be waiting for its lock. If somebody else removes it, the
// lock of the directory still holds.
func lockDir(dir string) (*dirLock, error) {
	d, err := os.Open(dir)
	if err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	l := &dirLock{dir: d, file: f}
	for _, lock := range []*os.File{d, f} {
		err := flock.TryLock(lock)
		switch {
		case errors.Is(err, flock.ErrLocked):
			return nil, errors.Join(&store.LockedError{Dir: dir, PID: readPID(f)}, l.Close())
		case err != nil && lock == f:
			return nil, errors.Join(fmt.Errorf("locking %s: %w", dir, err), l.Close())
		}
	}
	l.writePID()
	return l, nil
}

// writePID writes into the file who has the lock. It is for people: on a full disk the lock holds without it.
func (l *dirLock) writePID() {
	if l.file.Truncate(0) == nil {
		_, _ = l.file.WriteAt(fmt.Appendln(nil, os.Getpid()), 0)
	}
}

// Close releases the lock.
func (l *dirLock) Close() error { return errors.Join(l.file.Close(), l.dir.Close()) }

func readPID(f *os.File) int {
	text, err := io.ReadAll(io.LimitReader(f, 32))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}
