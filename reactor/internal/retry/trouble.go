package retry

import (
	"errors"
	"net"
	"syscall"
)

// Trouble is what the host lacks for now.
type Trouble uint8

// The troubles. None stands for a permanent failure.
const (
	None        Trouble = iota
	Descriptors         // the process, the machine or all guests together have no descriptor left
	Memory              // the machine has no memory to give
	Space               // a disk or a quota is full
	Disk                // a disk or a file system fails, or is unreachable
	Busy                // the system asks to try again
	Network             // the machine's own network is down
	Compiler            // something from outside ended a compilation
	Damage              // the module is damaged on disk: it has to be pushed again
	Crash               // the daemon died while the workload ran
	NodeMemory          // other guests hold the node's memory
)

var troubleTexts = [...]string{
	None:        "nothing",
	Descriptors: "file descriptors",
	Memory:      "memory",
	Space:       "space on a disk",
	Disk:        "a disk or file system that answers",
	Busy:        "the machine to be less busy",
	Network:     "the machine's network",
	Compiler:    "a compilation that is not ended from outside",
	Damage:      "the module to be pushed again",
	Crash:       "its turn apart from others",
	NodeMemory:  "the node's memory",
}

// Troubles is how many there are, with None.
const Troubles = len(troubleTexts)

// String says what is waited for.
func (t Trouble) String() string { return troubleTexts[t] }

// common are the codes that mean the same whatever returned them.
var common = map[syscall.Errno]Trouble{
	syscall.EMFILE:  Descriptors,
	syscall.ENFILE:  Descriptors,
	syscall.ENOMEM:  Memory,
	syscall.ENOBUFS: Memory,
	syscall.ENOSPC:  Space,
	syscall.EDQUOT:  Space,
	syscall.EIO:     Disk,
	syscall.EAGAIN:  Busy,
	syscall.EINTR:   Busy,
	syscall.EBUSY:   Busy,
	syscall.ENOLCK:  Busy,
}

// ofFiles are the codes of an unreachable file system: a network's, a removed disk's, a FUSE daemon's.
var ofFiles = map[syscall.Errno]Trouble{
	syscall.ESTALE:       Disk,
	syscall.ENOTCONN:     Disk,
	syscall.ECONNABORTED: Disk,
	syscall.ECONNREFUSED: Disk,
	syscall.ECONNRESET:   Disk,
	syscall.ETIMEDOUT:    Disk,
	syscall.EHOSTDOWN:    Disk,
	syscall.EHOSTUNREACH: Disk,
	syscall.ENETDOWN:     Disk,
	syscall.ENETUNREACH:  Disk,
	syscall.ENXIO:        Disk,
	syscall.ENODEV:       Disk,
	syscall.ETXTBSY:      Busy,
}

// ofSockets are the codes about this machine's side of a connection. What the other side does, or an address that
// is in use, is not a trouble of the host: the client that named the address gets the error.
var ofSockets = map[syscall.Errno]Trouble{
	syscall.ENETDOWN:    Network,
	syscall.ENETUNREACH: Network,
}

// OfFile classifies the failure of an operation on files, or of one that concerns neither files nor the network.
func OfFile(err error) Trouble { return lookUp(err, ofFiles) }

// OfNetwork classifies a failure to listen or to connect.
func OfNetwork(err error) Trouble {
	if name, ok := errors.AsType[*net.DNSError](err); ok {
		if t := lookUp(err, ofSockets); t != None {
			return t
		}
		if name.IsTemporary && !name.IsNotFound {
			return Network
		}
		return None
	}
	return lookUp(err, ofSockets)
}

func lookUp(err error, special map[syscall.Errno]Trouble) Trouble {
	code, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return None
	}
	if t, ok := special[code]; ok {
		return t
	}
	return common[code]
}
