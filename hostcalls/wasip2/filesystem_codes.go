package wasip2

import (
	"errors"
	"io"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// The cases of error-code of wasi:filesystem/types.
const (
	fsAccess = iota
	fsWouldBlock
	fsAlready
	fsBadDescriptor
	fsBusy
	fsDeadlock
	fsQuota
	fsExist
	fsFileTooLarge
	fsIllegalByteSequence
	fsInProgress
	fsInterrupted
	fsInvalid
	fsIO
	fsIsDirectory
	fsLoop
	fsTooManyLinks
	fsMessageSize
	fsNameTooLong
	fsNoDevice
	fsNoEntry
	fsNoLock
	fsInsufficientMemory
	fsInsufficientSpace
	fsNotDirectory
	fsNotEmpty
	fsNotRecoverable
	fsUnsupported
	fsNoTTY
	fsNoSuchDevice
	fsOverflow
	fsNotPermitted
	fsPipe
	fsReadOnly
	fsInvalidSeek
	fsTextFileBusy
	fsCrossDevice
)

// fsCodes are the codes of the system's errors. There is none for too many descriptors: to a component that is a quota.
var fsCodes = map[syscall.Errno]int{
	syscall.EACCES: fsAccess, syscall.EAGAIN: fsWouldBlock, syscall.EALREADY: fsAlready, syscall.EBADF: fsBadDescriptor,
	syscall.EBUSY: fsBusy, syscall.EDEADLK: fsDeadlock, syscall.EDQUOT: fsQuota, syscall.EMFILE: fsQuota, syscall.ENFILE: fsQuota,
	syscall.EEXIST: fsExist, syscall.EFBIG: fsFileTooLarge, syscall.EILSEQ: fsIllegalByteSequence,
	syscall.EINPROGRESS: fsInProgress, syscall.EINTR: fsInterrupted, syscall.EINVAL: fsInvalid, syscall.EIO: fsIO,
	syscall.EISDIR: fsIsDirectory, syscall.ELOOP: fsLoop, syscall.EMLINK: fsTooManyLinks, syscall.EMSGSIZE: fsMessageSize,
	syscall.ENAMETOOLONG: fsNameTooLong, syscall.ENODEV: fsNoDevice, syscall.ENOENT: fsNoEntry, syscall.ENOLCK: fsNoLock,
	syscall.ENOMEM: fsInsufficientMemory, syscall.ENOSPC: fsInsufficientSpace, syscall.ENOTDIR: fsNotDirectory,
	syscall.ENOTEMPTY: fsNotEmpty, syscall.ENOTRECOVERABLE: fsNotRecoverable, syscall.ENOSYS: fsUnsupported,
	syscall.ENOTSUP: fsUnsupported, syscall.ENOTTY: fsNoTTY, syscall.ENXIO: fsNoSuchDevice, syscall.EOVERFLOW: fsOverflow,
	syscall.EPERM: fsNotPermitted, syscall.EPIPE: fsPipe, syscall.EROFS: fsReadOnly, syscall.ESPIPE: fsInvalidSeek,
	syscall.ETXTBSY: fsTextFileBusy, syscall.EXDEV: fsCrossDevice,
}

// fsCodeOf returns the code of an error of package vfs, or of a revocation. An error without a counterpart is io.
func fsCodeOf(err error) int {
	if code, ok := errors.AsType[syscall.Errno](err); ok {
		if n, ok := fsCodes[code]; ok {
			return n
		}
		return fsIO
	}
	if errors.Is(err, vfs.ErrEscapes) || errors.Is(err, network.ErrRevoked) {
		return fsNotPermitted
	}
	return fsIO
}

// done writes the result of an operation on files that has no value.
func (c call) done(err error) {
	if !c.fsFailed(err) {
		c.Results.OK()
	}
}

// fsFailed writes an error, if there is one, as the result of an operation on files.
func (c call) fsFailed(err error) bool {
	if err == nil {
		return false
	}
	if errors.Is(err, syscall.EMFILE) || errors.Is(err, syscall.ENFILE) {
		c.handles.shortage()
	}
	c.Results.Err()
	c.Results.Enum(fsCodeOf(err))
	return true
}

// isEOF reports whether a stream has ended.
func isEOF(err error) bool { return errors.Is(err, io.EOF) }

// textOf says what an error means that is none of the system's, if the component may know; otherwise nothing.
func textOf(err error) string {
	for _, known := range []struct {
		err  error
		text string
	}{
		{vfs.ErrEscapes, "the path leads out of the folder"},
		{network.ErrRevoked, "the grant was revoked"},
		{network.ErrQuota, "more bytes than the workload may send or receive"},
		{network.ErrClosed, "the socket is closed"},
		{hostcalls.ErrBrokenPipe, "the reader has gone"},
	} {
		if errors.Is(err, known.err) {
			return known.text
		}
	}
	return ""
}
