//go:build unix && !linux

package vfs

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// openSearch opens a folder for search, which needs no permission to read it on systems that support search.
func openSearch(dirfd int, name string, flags int) (int, error) {
	fd, err := openat(dirfd, name, flags|unix.O_RDONLY|unix.O_DIRECTORY)
	if searchFlag != 0 && errors.Is(err, unix.EACCES) {
		return openat(dirfd, name, flags|searchFlag|unix.O_DIRECTORY)
	}
	return fd, err
}

// isKernelInterface reports whether the file with the attributes s is on a file system that is an interface of the
// kernel, by where these are usually mounted.
func isKernelInterface(_ int, s Stat) (bool, error) {
	root, err := lstatat(unix.AT_FDCWD, "/")
	if err != nil {
		return false, err
	}
	for _, path := range []string{"/proc", "/kern", "/system/object", "/system/contract"} {
		at, err := lstatat(unix.AT_FDCWD, path)
		if err == nil && at.Dev == s.Dev && at.Dev != root.Dev {
			return true, nil
		}
	}
	return false, nil
}

// isStreamDevice reports whether a character device only produces or consumes bytes, by its name in /dev.
func isStreamDevice(device uint64) bool {
	for _, name := range []string{"null", "zero", "random", "urandom"} {
		s, err := lstatat(unix.AT_FDCWD, "/dev/"+name)
		if err == nil && s.Type == CharDevice && s.Device == device {
			return true
		}
	}
	return false
}

func allocate(int, int64, int64) error { return unix.ENOTSUP }

func dataSync(fd int) error { return unix.Fsync(fd) }

// appendTo writes at the end of a file. Another process may write there between the two system calls.
func appendTo(fd int, p []byte) (int, error) {
	var s unix.Stat_t
	if err := unix.Fstat(fd, &s); err != nil {
		return 0, err
	}
	return unix.Pwrite(fd, p, s.Size)
}

func advise(int, int64, int64, Advice) error { return nil } // advice may be ignored

func setTimesAt(dirfd int, name string, atime, mtime Time) error {
	s, err := lstatat(dirfd, name)
	if err != nil {
		return err
	}
	ts, err := timespecs(s, atime, mtime)
	if err != nil {
		return err
	}
	return retry(func() error {
		return unix.UtimesNanoAt(dirfd, name, ts, unix.AT_SYMLINK_NOFOLLOW)
	})
}

// setTimes sets the times to the microsecond, the best precision without a name.
func setTimes(fd int, atime, mtime Time) error {
	s, err := fstat(fd)
	if err != nil {
		return err
	}
	ts, err := timespecs(s, atime, mtime)
	if err != nil {
		return err
	}
	return unix.Futimes(fd, []unix.Timeval{
		unix.NsecToTimeval(unix.TimespecToNsec(ts[0])),
		unix.NsecToTimeval(unix.TimespecToNsec(ts[1])),
	})
}

// timespecs returns the new times of a file with the attributes s.
func timespecs(s Stat, atime, mtime Time) ([]unix.Timespec, error) {
	ts := []unix.Timespec{unix.NsecToTimespec(s.Atime), unix.NsecToTimespec(s.Mtime)}
	for i, t := range []Time{atime, mtime} {
		at := t.at
		switch t.mode {
		case timeKeep:
			continue
		case timeNow:
			at = time.Now()
		}
		var err error
		if ts[i], err = unix.TimeToTimespec(at); err != nil {
			return nil, err
		}
	}
	return ts, nil
}
