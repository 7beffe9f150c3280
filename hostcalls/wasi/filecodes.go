package wasi

import (
	"errors"
	"syscall"

	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// FileCode is why an operation on files has failed.
type FileCode int

// The codes, as error-code of wasi:filesystem/types of WASI 0.2 has them. That of 0.3 is without FileWouldBlock.
const (
	FileAccess FileCode = iota
	FileWouldBlock
	FileAlready
	FileBadDescriptor
	FileBusy
	FileDeadlock
	FileQuota
	FileExist
	FileFileTooLarge
	FileIllegalByteSequence
	FileInProgress
	FileInterrupted
	FileInvalid
	FileIO
	FileIsDirectory
	FileLoop
	FileTooManyLinks
	FileMessageSize
	FileNameTooLong
	FileNoDevice
	FileNoEntry
	FileNoLock
	FileInsufficientMemory
	FileInsufficientSpace
	FileNotDirectory
	FileNotEmpty
	FileNotRecoverable
	FileUnsupported
	FileNoTTY
	FileNoSuchDevice
	FileOverflow
	FileNotPermitted
	FilePipe
	FileReadOnly
	FileInvalidSeek
	FileTextFileBusy
	FileCrossDevice
)

// fileCodes are the codes of the system's errors. There is none for too many descriptors: to a component that is a quota.
var fileCodes = map[syscall.Errno]FileCode{
	syscall.EACCES: FileAccess, syscall.EAGAIN: FileWouldBlock, syscall.EALREADY: FileAlready, syscall.EBADF: FileBadDescriptor,
	syscall.EBUSY: FileBusy, syscall.EDEADLK: FileDeadlock, syscall.EDQUOT: FileQuota, syscall.EMFILE: FileQuota, syscall.ENFILE: FileQuota,
	syscall.EEXIST: FileExist, syscall.EFBIG: FileFileTooLarge, syscall.EILSEQ: FileIllegalByteSequence,
	syscall.EINPROGRESS: FileInProgress, syscall.EINTR: FileInterrupted, syscall.EINVAL: FileInvalid, syscall.EIO: FileIO,
	syscall.EISDIR: FileIsDirectory, syscall.ELOOP: FileLoop, syscall.EMLINK: FileTooManyLinks, syscall.EMSGSIZE: FileMessageSize,
	syscall.ENAMETOOLONG: FileNameTooLong, syscall.ENODEV: FileNoDevice, syscall.ENOENT: FileNoEntry, syscall.ENOLCK: FileNoLock,
	syscall.ENOMEM: FileInsufficientMemory, syscall.ENOSPC: FileInsufficientSpace, syscall.ENOTDIR: FileNotDirectory,
	syscall.ENOTEMPTY: FileNotEmpty, syscall.ENOTRECOVERABLE: FileNotRecoverable, syscall.ENOSYS: FileUnsupported,
	syscall.ENOTSUP: FileUnsupported, syscall.ENOTTY: FileNoTTY, syscall.ENXIO: FileNoSuchDevice, syscall.EOVERFLOW: FileOverflow,
	syscall.EPERM: FileNotPermitted, syscall.EPIPE: FilePipe, syscall.EROFS: FileReadOnly, syscall.ESPIPE: FileInvalidSeek,
	syscall.ETXTBSY: FileTextFileBusy, syscall.EXDEV: FileCrossDevice,
}

// FileCodeOf returns the code of an error of package vfs, or of a revocation. An error without a counterpart is io.
func FileCodeOf(err error) FileCode {
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		if n, ok := fileCodes[code]; ok {
			return n
		}
		return FileIO
	}
	if errors.Is(err, vfs.ErrEscapes) || errors.Is(err, network.ErrRevoked) {
		return FileNotPermitted
	}
	return FileIO
}
