package vfs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

func allocate(fd int, off, n int64) error { return unix.Fallocate(fd, 0, off, n) }

func dataSync(fd int) error { return unix.Fdatasync(fd) }

func advise(fd int, off, n int64, advice Advice) error {
	return unix.Fadvise(fd, off, n, [...]int{
		Normal:     unix.FADV_NORMAL,
		Sequential: unix.FADV_SEQUENTIAL,
		Random:     unix.FADV_RANDOM,
		WillNeed:   unix.FADV_WILLNEED,
		DontNeed:   unix.FADV_DONTNEED,
		NoReuse:    unix.FADV_NOREUSE,
	}[advice])
}

func setTimesAt(dirfd int, name string, atime, mtime Time) error {
	ts, err := timespecs(atime, mtime)
	if err != nil {
		return err
	}
	return retry(func() error {
		return unix.UtimesNanoAt(dirfd, name, ts[:], unix.AT_SYMLINK_NOFOLLOW)
	})
}

// setTimes is futimens(3): utimensat without a name, for which unix has no function.
func setTimes(fd int, atime, mtime Time) error {
	ts, err := timespecs(atime, mtime)
	if err != nil {
		return err
	}
	return retry(func() error {
		_, _, no := unix.Syscall6(unix.SYS_UTIMENSAT, uintptr(fd), 0, uintptr(unsafe.Pointer(&ts)), 0, 0, 0)
		if no != 0 {
			return no
		}
		return nil
	})
}

func timespecs(times ...Time) (ts [2]unix.Timespec, err error) {
	for i, t := range times {
		switch t.mode {
		case timeKeep:
			ts[i].Nsec = unix.UTIME_OMIT
		case timeNow:
			ts[i].Nsec = unix.UTIME_NOW
		case timeAt:
			if ts[i], err = unix.TimeToTimespec(t.at); err != nil {
				return ts, err
			}
		}
	}
	return ts, nil
}
