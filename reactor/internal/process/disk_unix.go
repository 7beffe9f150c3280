//go:build unix

package process

import "golang.org/x/sys/unix"

// DiskBytes returns the size of the file system of a folder.
func DiskBytes(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, err
	}
	return int64(fs.Blocks) * int64(fs.Bsize), nil //nolint:unconvert // the types differ between systems
}
