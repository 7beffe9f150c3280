//go:build unix

package sqlite

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserve is a file that holds some space on the disk. SQLite needs a little space to be opened, and to delete
// anything: on a full disk nobody could free space without it. An operation that fails for lack of space gives up the
// reserve and tries again; the reserve is made again when there is space. It is best effort: failures to make it are ignored.
type reserve struct {
	path  string
	spent bool // it was given up, and not made again
}

const (
	reserveBytes = 4 << 20 // enough for some thousand pages of the log
	reserveShare = 16      // of a small disk at most this part is taken
)

// spend gives up the reserve, and reports whether there was one.
func (r *reserve) spend() bool {
	info, err := os.Stat(r.path)
	if err != nil || info.Size() == 0 || os.Remove(r.path) != nil {
		return false
	}
	r.spent = true
	return true
}

// fill makes the reserve, if there is none: it takes part of the free space, or nearly all of it if the reserve was
// spent.
func (r *reserve) fill() {
	free, err := freeBytes(r.path)
	if info, e := os.Stat(r.path); e == nil && info.Size() > 0 || err != nil {
		return
	}
	size := free / reserveShare
	if r.spent {
		size = free / 8 * 7
	}
	r.spent = false
	f, err := os.OpenFile(r.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return
	}
	// Random bytes, since some disks do not store repeating ones.
	_, err = io.CopyN(f, rand.Reader, min(size, reserveBytes))
	if f.Close() != nil || err != nil {
		_ = os.Remove(r.path)
	}
}

// freeBytes returns the free space on the disk of a file, which need not exist.
func freeBytes(path string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:unconvert // the types differ between systems
}
