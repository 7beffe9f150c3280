package vfs

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// openSearch opens a folder for search, which needs no permission to read it.
func openSearch(dirfd int, name string, flags int) (int, error) {
	return openat(dirfd, name, flags|unix.O_PATH|unix.O_DIRECTORY)
}

// isKernelInterface reports whether the file open as fd is on a file system that is an interface of the kernel. The
// magic numbers are those of statfs(2) and linux/magic.h. Other file systems store files, as far as is known.
func isKernelInterface(fd int, _ Stat) (bool, error) {
	var s unix.Statfs_t
	if err := retry(func() error { return unix.Fstatfs(fd, &s) }); err != nil {
		return false, err
	}
	switch uint32(s.Type) {
	case unix.PROC_SUPER_MAGIC, unix.SYSFS_MAGIC, unix.DEBUGFS_MAGIC, unix.TRACEFS_MAGIC,
		unix.SECURITYFS_MAGIC, unix.SELINUX_MAGIC, unix.SMACK_MAGIC, unix.AAFS_MAGIC,
		unix.CGROUP_SUPER_MAGIC, unix.CGROUP2_SUPER_MAGIC, unix.RDTGROUP_SUPER_MAGIC,
		unix.BPF_FS_MAGIC, unix.PSTOREFS_MAGIC, unix.EFIVARFS_MAGIC, unix.BINFMTFS_MAGIC,
		unix.DEVPTS_SUPER_MAGIC, unix.BINDERFS_SUPER_MAGIC, unix.XENFS_SUPER_MAGIC,
		unix.OPENPROM_SUPER_MAGIC, unix.USBDEVICE_SUPER_MAGIC, unix.NSFS_MAGIC,
		configfs, mqueue, rpcPipefs, nfsd, fusectl, functionfs:
		return true, nil
	}
	return false, nil
}

// Magic numbers that are only in the sources of the file systems.
const (
	configfs   = 0x62656570
	mqueue     = 0x19800202
	rpcPipefs  = 0x67596969
	nfsd       = 0x6e667364
	fusectl    = 0x65735543
	functionfs = 0xa647361
)

// isStreamDevice reports whether a character device only produces or consumes bytes: null, zero, full, random or
// urandom, by the kernel's list of devices (admin-guide/devices.txt).
func isStreamDevice(device uint64) bool {
	const memory = 1 // the major number
	if unix.Major(device) != memory {
		return false
	}
	switch unix.Minor(device) {
	case 3, 5, 7, 8, 9:
		return true
	}
	return false
}

func allocate(fd int, off, n int64) error { return unix.Fallocate(fd, 0, off, n) }

func dataSync(fd int) error { return unix.Fdatasync(fd) }

// appendTo writes at the end of a file, whatever its flags are.
func appendTo(fd int, p []byte) (int, error) {
	return unix.Pwritev2(fd, [][]byte{p}, 0, unix.RWF_APPEND)
}

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

// setTimes is futimens(3), that is, utimensat without a name, for which package unix has no function.
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
