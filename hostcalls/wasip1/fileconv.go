package wasip1

import (
	"errors"
	"time"

	"github.com/reactord/reactord/hostcalls/vfs"
)

// Conversions between the types of preview 1 and those of vfs.

func fileErrno(err error) errno {
	if errors.Is(err, vfs.ErrEscapes) {
		return errnoNotcapable
	}
	return errnoOf(err)
}

func filestatOf(s vfs.Stat) filestat {
	return filestat{
		dev:      s.Dev,
		ino:      s.Ino,
		filetype: filetypeOf(s.Type),
		nlink:    s.Nlink,
		size:     uint64(s.Size),
		atim:     uint64(s.Atime),
		mtim:     uint64(s.Mtime),
		ctim:     uint64(s.Ctime),
	}
}

// filetypeOf converts a type. Preview 1 has none for FIFOs.
func filetypeOf(t vfs.Type) filetype {
	switch t {
	case vfs.Regular:
		return filetypeRegularFile
	case vfs.Folder:
		return filetypeDirectory
	case vfs.Symlink:
		return filetypeSymbolicLink
	case vfs.BlockDevice:
		return filetypeBlockDevice
	case vfs.CharDevice:
		return filetypeCharacterDevice
	case vfs.Socket:
		return filetypeSocketStream
	default:
		return filetypeUnknown
	}
}

func followOf(lookupflags uint32) (follow bool, e errno) {
	if lookupflags&^lookupFollow != 0 {
		return false, errnoInval
	}
	return lookupflags&lookupFollow != 0, errnoSuccess
}

// Bits of fstflags.
const (
	fstAtim uint32 = 1 << iota
	fstAtimNow
	fstMtim
	fstMtimNow
)

func timesOf(atim, mtim uint64, flags uint32) (atime, mtime vfs.Time, e errno) {
	if flags&^(fstAtim|fstAtimNow|fstMtim|fstMtimNow) != 0 {
		return vfs.Time{}, vfs.Time{}, errnoInval
	}
	atime, aok := timeOf(atim, flags&fstAtim != 0, flags&fstAtimNow != 0)
	mtime, mok := timeOf(mtim, flags&fstMtim != 0, flags&fstMtimNow != 0)
	if !aok || !mok {
		return vfs.Time{}, vfs.Time{}, errnoInval
	}
	return atime, mtime, errnoSuccess
}

// timeOf converts a time and its flags. ok is false if both flags are set.
func timeOf(nanoseconds uint64, set, now bool) (t vfs.Time, ok bool) {
	const second = uint64(time.Second)
	switch {
	case set && now:
		return vfs.Time{}, false
	case set:
		return vfs.At(time.Unix(int64(nanoseconds/second), int64(nanoseconds%second))), true
	case now:
		return vfs.Now(), true
	default:
		return vfs.Time{}, true
	}
}
