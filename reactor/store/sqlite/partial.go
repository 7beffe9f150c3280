package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/reactord/reactord/internal/flock"
)

// partial is the folder of a copy that is being made. It lies beside the place of the copy, and is moved there when the copy
// is complete and on disk, so that the place has a whole store or none, whatever ends the process. Its lock keeps other
// processes from making the same copy.
type partial struct {
	path, place string
	lock        *os.File
}

// partialPath is the folder of a copy to a place.
func partialPath(place string) string { return place + ".partial" }

// Partial returns the folder of a copy to a place that was broken off or is being made, if there is one.
func Partial(place string) (path string, found bool) {
	path = partialPath(place)
	info, err := os.Lstat(path)
	return path, err == nil && info.IsDir()
}

// newPartial makes the folder, which is empty: what a copy that was broken off has left in it is removed. It fails with
// fs.ErrExist if there is something in the place.
func newPartial(place string) (*partial, error) {
	switch _, err := os.Lstat(place); {
	case err == nil:
		return nil, &fs.PathError{Op: "mkdir", Path: place, Err: fs.ErrExist}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	p := &partial{path: partialPath(place), place: place}
	if err := os.Mkdir(p.path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	if err := p.takeLock(); err != nil {
		return nil, err
	}
	if err := p.empty(); err != nil {
		return nil, errors.Join(err, p.lock.Close())
	}
	return p, nil
}

// takeLock locks the folder. A file system that has no locks is used without.
func (p *partial) takeLock() error {
	before, err := os.Lstat(p.path)
	if err != nil {
		return err
	}
	if !before.IsDir() {
		return fmt.Errorf("%s is in the way: it is no folder", p.path)
	}
	if p.lock, err = os.Open(p.path); err != nil {
		return err
	}
	locked := flock.TryLock(p.lock)
	now, err := os.Lstat(p.path) // whoever had the lock may have moved or removed the folder
	if errors.Is(locked, flock.ErrLocked) || err != nil || !os.SameFile(before, now) {
		return errors.Join(fmt.Errorf("another process is copying a store to %s", p.place), p.lock.Close())
	}
	return nil
}

func (p *partial) empty() error {
	entries, err := os.ReadDir(p.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if err := os.RemoveAll(filepath.Join(p.path, entry.Name())); err != nil {
			return err
		}
	}
	return nil
}

// finish makes the folder durable and moves it to its place.
func (p *partial) finish() error {
	if err := syncDir(p.path); err != nil {
		return err
	}
	if err := os.Rename(p.path, p.place); err != nil {
		return err
	}
	return errors.Join(syncDir(filepath.Dir(p.place)), p.lock.Close())
}

// discard removes the folder.
func (p *partial) discard() error { return errors.Join(os.RemoveAll(p.path), p.lock.Close()) }
