package crash

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// File is the file of a daemon's journal.
type File struct {
	path string

	mu     sync.Mutex
	closed bool
}

// NewFile returns the journal's file in a folder. It touches nothing.
func NewFile(dir string) *File { return &File{path: filepath.Join(dir, "running.json")} }

// Read returns the journal of a daemon that died. died is false if the last daemon stopped in order, or if there
// was none. An unreadable journal counts as a death of which nothing is known.
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

// Write replaces the journal. When it returns nil, the journal is on disk. After Remove it does nothing.
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

// Remove removes the journal, because the daemon stops in order.
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
