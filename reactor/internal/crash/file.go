package crash

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is where a daemon keeps its journal.
type File struct {
	path string

	mu     sync.Mutex
	closed bool
}

// NewFile returns the journal in a folder. It touches nothing.
func NewFile(dir string) *File { return &File{path: filepath.Join(dir, "running.json")} }

// Read returns the journal that a daemon left which died. Died is false if the last one ended in order,
// or there was none. What cannot be read counts as a death of which nothing is known.
func (f *File) Read() (j Journal, died bool) {
	b, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return Journal{}, false
	}
	if err != nil || json.Unmarshal(b, &j) != nil {
		return Journal{}, true
	}
	return j, true
}

// Write replaces the journal. When it returns nil it is on disk. After Remove it does nothing.
func (f *File) Write(j Journal) error {
	b, err := json.Marshal(j)
	if err != nil {
		return err
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.closed {
		return nil
	}
	next := f.path + ".new"
	if err := writeSynced(next, b); err != nil {
		return errors.Join(err, remove(next))
	}
	if err := os.Rename(next, f.path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(f.path))
}

// Remove says that the daemon ends in order.
func (f *File) Remove() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return remove(f.path)
}

func remove(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func writeSynced(path string, b []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	return errors.Join(err, f.Sync(), f.Close())
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
