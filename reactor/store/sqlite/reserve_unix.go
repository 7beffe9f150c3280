//go:build unix

package sqlite

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// reserve is a file that holds some room on the disk. SQLite needs a little to be opened, and to delete
// anything: on a full disk nobody could make room without it. What fails then, gives the reserve up
// and tries again; it is made anew when there is room. It is only as good as the disk: making it fails in silence.
type reserve struct {
	path  string
	spent bool // it was given up, and not made again
}

const (
	reserveBytes = 4 << 20 // enough for some thousand pages of the log
	reserveShare = 16      // of a small disk only so much is taken
)

// spend gives the reserve up, and reports whether there was any.
func (r *reserve) spend() bool {
	info, err := os.Stat(r.path)
	if err != nil || info.Size() == 0 || os.Remove(r.path) != nil {
		return false
	}
	r.spent = true
	return true
}

// fill makes the reserve, if it is not there: of a part of what is free, or if it has been spent, of
// nearly all of that.
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
	// Random bytes, since there are disks that keep none of those that repeat.
	_, err = io.CopyN(f, rand.Reader, min(size, reserveBytes))
	if f.Close() != nil || err != nil {
		_ = os.Remove(r.path)
	}
}

// freeBytes is what is free on the disk of a file that need not be there.
func freeBytes(path string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(filepath.Dir(path), &fs); err != nil {
		return 0, err
	}
	return int64(fs.Bavail) * int64(fs.Bsize), nil //nolint:unconvert // the types differ between systems
}
