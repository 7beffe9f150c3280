package vfs

import (
	"time"

	"golang.org/x/sys/unix"
)

// Type is the type of a file.
type Type uint8

// The types of files.
const (
	Unknown Type = iota
	Regular
	Folder
	Symlink
	BlockDevice
	CharDevice
	FIFO
	Socket
)

// Stat are the attributes of a file. Times are in nanoseconds since 1970.
type Stat struct {
	Dev, Ino            uint64
	Type                Type
	Device              uint64 // the number of a device
	Nlink               uint64
	Size                int64
	Atime, Mtime, Ctime int64
}

// isFile reports whether s is of a file that can be opened as a File.
func (s Stat) isFile() bool {
	return s.Type == Regular || s.Type == CharDevice && isStreamDevice(s.Device)
}

func statOf(s *unix.Stat_t) Stat {
	return Stat{
		Dev:    widen(s.Dev),
		Ino:    s.Ino,
		Type:   typeOf(widen(s.Mode)),
		Device: widen(s.Rdev),
		Nlink:  widen(s.Nlink),
		Size:   s.Size,
		Atime:  s.Atim.Nano(),
		Mtime:  s.Mtim.Nano(),
		Ctime:  s.Ctim.Nano(),
	}
}

// widen converts fields that have different types on different systems.
func widen[T uint16 | int32 | uint32 | uint64](v T) uint64 { return uint64(v) }

func typeOf(mode uint64) Type {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return Regular
	case unix.S_IFDIR:
		return Folder
	case unix.S_IFLNK:
		return Symlink
	case unix.S_IFBLK:
		return BlockDevice
	case unix.S_IFCHR:
		return CharDevice
	case unix.S_IFIFO:
		return FIFO
	case unix.S_IFSOCK:
		return Socket
	}
	return Unknown
}

// Time is a change of one of a file's times. The zero Time leaves it unchanged.
type Time struct {
	mode timeMode
	at   time.Time
}

type timeMode uint8

const (
	timeKeep timeMode = iota
	timeNow
	timeAt
)

// Now sets a time to the file system's current time.
func Now() Time { return Time{mode: timeNow} }

// At sets a time to t.
func At(t time.Time) Time { return Time{mode: timeAt, at: t} }
