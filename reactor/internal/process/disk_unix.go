//go:build unix

package process

import "golang.org/x/sys/unix"

// ReadDisk reads the size of the file system of a folder. It waits for as long as the file system does.
func ReadDisk(dir string) (Disk, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return Disk{}, err
	}
	unit := uint64(fs.Bsize)                                             //nolint:gosec // it is not negative
	return Disk{uint64(fs.Blocks) * unit, uint64(fs.Bavail) * unit}, nil //nolint:unconvert // the types differ between systems
}
