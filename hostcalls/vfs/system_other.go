//go:build unix && !linux

package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

func allocate(int, int64, int64) error { return unix.ENOTSUP }

func dataSync(fd int) error { return unix.Fsync(fd) }

func advise(int, int64, int64, Advice) error { return nil } // advice need not be taken

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

// setTimes sets them to the microsecond, which is what there is without a name.
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

// timespecs returns what the times of a file with the attributes s become.
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
