package wasip1

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/network"
)

// errno is a preview 1 error code, the result of every function but proc_exit. errnoSuccess is none.
type errno uint16

const (
	errnoSuccess errno = iota
	errno2big
	errnoAcces
	errnoAddrinuse
	errnoAddrnotavail
	errnoAfnosupport
	errnoAgain
	errnoAlready
	errnoBadf
	errnoBadmsg
	errnoBusy
	errnoCanceled
	errnoChild
	errnoConnaborted
	errnoConnrefused
	errnoConnreset
	errnoDeadlk
	errnoDestaddrreq
	errnoDom
	errnoDquot
	errnoExist
	errnoFault
	errnoFbig
	errnoHostunreach
	errnoIdrm
	errnoIlseq
	errnoInprogress
	errnoIntr
	errnoInval
	errnoIo
	errnoIsconn
	errnoIsdir
	errnoLoop
	errnoMfile
	errnoMlink
	errnoMsgsize
	errnoMultihop
	errnoNametoolong
	errnoNetdown
	errnoNetreset
	errnoNetunreach
	errnoNfile
	errnoNobufs
	errnoNodev
	errnoNoent
	errnoNoexec
	errnoNolck
	errnoNolink
	errnoNomem
	errnoNomsg
	errnoNoprotoopt
	errnoNospc
	errnoNosys
	errnoNotconn
	errnoNotdir
	errnoNotempty
	errnoNotrecoverable
	errnoNotsock
	errnoNotsup
	errnoNotty
	errnoNxio
	errnoOverflow
	errnoOwnerdead
	errnoPerm
	errnoPipe
	errnoProto
	errnoProtonosupport
	errnoPrototype
	errnoRange
	errnoRofs
	errnoSpipe
	errnoSrch
	errnoStale
	errnoTimedout
	errnoTxtbsy
	errnoXdev
	errnoNotcapable
)

// errnoOf translates an error of the host. An error without a counterpart is errnoIo: the guest learns nothing
// of the host beyond the code.
func errnoOf(err error) errno {
	var code syscall.Errno
	switch {
	case err == nil:
		return errnoSuccess
	case errors.As(err, &code):
		return errnoOfSyscall(code)
	case errors.Is(err, hostcalls.ErrWouldBlock):
		return errnoAgain
	case errors.Is(err, hostcalls.ErrBrokenPipe), errors.Is(err, io.ErrClosedPipe):
		return errnoPipe
	case errors.Is(err, network.ErrNotGranted):
		return errnoAcces
	case errors.Is(err, network.ErrRevoked):
		return errnoNotcapable
	case errors.Is(err, network.ErrQuota):
		return errnoDquot
	case errors.Is(err, network.ErrTooManySockets):
		return errnoMfile
	case errors.Is(err, network.ErrClosed):
		return errnoBadf
	case errors.Is(err, network.ErrUnknownOption):
		return errnoNoprotoopt
	case errors.Is(err, fs.ErrNotExist):
		return errnoNoent
	case errors.Is(err, fs.ErrExist):
		return errnoExist
	case errors.Is(err, fs.ErrPermission):
		return errnoPerm
	case errors.Is(err, fs.ErrInvalid):
		return errnoInval
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errnoTimedout
	default:
		return errnoIo
	}
}

// errnoOfSyscall translates a POSIX error code.
func errnoOfSyscall(code syscall.Errno) errno {
	if code == 0 {
		return errnoSuccess
	}
	if e, ok := errnos[code]; ok {
		return e
	}
	return errnoIo
}

// errnos maps each POSIX error code to the one of the same name, but for ENFILE: programs wait for a descriptor after
// EMFILE, and few know the other. (Go's net/http stops serving at it.)
var errnos = map[syscall.Errno]errno{
	syscall.E2BIG:           errno2big,
	syscall.EACCES:          errnoAcces,
	syscall.EADDRINUSE:      errnoAddrinuse,
	syscall.EADDRNOTAVAIL:   errnoAddrnotavail,
	syscall.EAFNOSUPPORT:    errnoAfnosupport,
	syscall.EAGAIN:          errnoAgain,
	syscall.EALREADY:        errnoAlready,
	syscall.EBADF:           errnoBadf,
	syscall.EBADMSG:         errnoBadmsg,
	syscall.EBUSY:           errnoBusy,
	syscall.ECANCELED:       errnoCanceled,
	syscall.ECHILD:          errnoChild,
	syscall.ECONNABORTED:    errnoConnaborted,
	syscall.ECONNREFUSED:    errnoConnrefused,
	syscall.ECONNRESET:      errnoConnreset,
	syscall.EDEADLK:         errnoDeadlk,
	syscall.EDESTADDRREQ:    errnoDestaddrreq,
	syscall.EDOM:            errnoDom,
	syscall.EDQUOT:          errnoDquot,
	syscall.EEXIST:          errnoExist,
	syscall.EFAULT:          errnoFault,
	syscall.EFBIG:           errnoFbig,
	syscall.EHOSTUNREACH:    errnoHostunreach,
	syscall.EIDRM:           errnoIdrm,
	syscall.EILSEQ:          errnoIlseq,
	syscall.EINPROGRESS:     errnoInprogress,
	syscall.EINTR:           errnoIntr,
	syscall.EINVAL:          errnoInval,
	syscall.EIO:             errnoIo,
	syscall.EISCONN:         errnoIsconn,
	syscall.EISDIR:          errnoIsdir,
	syscall.ELOOP:           errnoLoop,
	syscall.EMFILE:          errnoMfile,
	syscall.EMLINK:          errnoMlink,
	syscall.EMSGSIZE:        errnoMsgsize,
	syscall.EMULTIHOP:       errnoMultihop,
	syscall.ENAMETOOLONG:    errnoNametoolong,
	syscall.ENETDOWN:        errnoNetdown,
	syscall.ENETRESET:       errnoNetreset,
	syscall.ENETUNREACH:     errnoNetunreach,
	syscall.ENFILE:          errnoMfile,
	syscall.ENOBUFS:         errnoNobufs,
	syscall.ENODEV:          errnoNodev,
	syscall.ENOENT:          errnoNoent,
	syscall.ENOEXEC:         errnoNoexec,
	syscall.ENOLCK:          errnoNolck,
	syscall.ENOLINK:         errnoNolink,
	syscall.ENOMEM:          errnoNomem,
	syscall.ENOMSG:          errnoNomsg,
	syscall.ENOPROTOOPT:     errnoNoprotoopt,
	syscall.ENOSPC:          errnoNospc,
	syscall.ENOSYS:          errnoNosys,
	syscall.ENOTCONN:        errnoNotconn,
	syscall.ENOTDIR:         errnoNotdir,
	syscall.ENOTEMPTY:       errnoNotempty,
	syscall.ENOTRECOVERABLE: errnoNotrecoverable,
	syscall.ENOTSOCK:        errnoNotsock,
	syscall.ENOTSUP:         errnoNotsup,
	syscall.ENOTTY:          errnoNotty,
	syscall.ENXIO:           errnoNxio,
	syscall.EOVERFLOW:       errnoOverflow,
	syscall.EOWNERDEAD:      errnoOwnerdead,
	syscall.EPERM:           errnoPerm,
	syscall.EPIPE:           errnoPipe,
	syscall.EPROTO:          errnoProto,
	syscall.EPROTONOSUPPORT: errnoProtonosupport,
	syscall.EPROTOTYPE:      errnoPrototype,
	syscall.ERANGE:          errnoRange,
	syscall.EROFS:           errnoRofs,
	syscall.ESPIPE:          errnoSpipe,
	syscall.ESRCH:           errnoSrch,
	syscall.ESTALE:          errnoStale,
	syscall.ETIMEDOUT:       errnoTimedout,
	syscall.ETXTBSY:         errnoTxtbsy,
	syscall.EXDEV:           errnoXdev,
}
