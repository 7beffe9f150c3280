package engine

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/dustin/go-humanize"

	"github.com/reactord/reactord/executor/engine/meter"
)

// bounds bound one compilation.
type bounds struct {
	cpu    time.Duration
	memory int64
	// wall is the elapsed time after which the compiler is assumed to be stopped; zero: no bound.
	wall time.Duration

	wanted  int64 // the memory that the module would be given if enough was configured
	largest int   // size of its largest function in bytes
}

// slowest is the ratio of the bounds on elapsed time and processor time, for a busy machine.
const slowest = 20

// boundsFor returns the bounds for a module, with at most most bytes of memory. Code takes most of the time
// and memory: a Go program with 2.9 MB of code took 1 s and 82 MiB. wazero holds one function at a time in
// memory: for each byte of it, straight-line stores take 740 bytes, a Go program's table 930, a chain of
// loads 1,500. The rest of the module is copied several times; elements of tables grow the most.
func boundsFor(info *meter.Info, most int64) bounds {
	const copies, perElement, perFunctionByte = 6, 128, 1 << 10
	code := int64(info.CodeBytes)>>20 + 1
	wanted := 512<<20 + code<<26 + perFunctionByte*int64(info.LargestFunction) +
		copies*int64(info.ModuleBytes) + perElement*int64(info.Elements)
	// CPython's largest module, 9 MB of code, takes 20 s, and twice as long beside others on the same cores.
	cpu := 5*time.Second + time.Duration(code)*8*time.Second
	return bounds{
		cpu:    cpu,
		memory: min(wanted, most),
		wall:   slowest * cpu,
		wanted: wanted, largest: info.LargestFunction,
	}
}

// exceeded returns the error for a module whose compilation exceeded the bounds.
func (b bounds) exceeded() error {
	msg := fmt.Sprintf("compiling the module takes more than %v of processor time or %s of memory", b.cpu, humanize.IBytes(uint64(b.memory)))
	if b.largest >= largeFunction {
		msg += fmt.Sprintf("; its largest function has %s as it is compiled: split it up", humanize.IBytes(uint64(b.largest)))
	}
	if b.wanted > b.memory {
		msg += fmt.Sprintf("; with more memory for compilations it could have %s", humanize.IBytes(uint64(b.wanted)))
	}
	return &meter.Error{Kind: meter.TooLarge, Msg: msg}
}

// largeFunction is the size from which on the largest function is mentioned in the error.
const largeFunction = 128 << 10

// near reports whether a process that got no memory had so much that its bound was the reason. The block
// that it did not get is usually a copy of a block that it has, at most twice as large.
func (b bounds) near(data int64) bool { return data >= b.memory/3 }

// compileJob is a module to compile.
type compileJob struct {
	metered  []byte
	original []byte // for blame, if metered does not compile
}

// verdict is the result of a compilation.
type verdict struct {
	Exceeded bool         `json:",omitempty"` // it exceeded a bound
	Refused  *meter.Error `json:",omitempty"` // the module is at fault
	Starved  bool         `json:",omitempty"` // it got no memory
	Fault    string       `json:",omitempty"` // the engine is at fault, or the host if Host is set
	Host     int          `json:",omitempty"` // the errno of a fault of disks or descriptors
}

func (v verdict) err(limit bounds, data int64) error {
	switch {
	case v.Exceeded, v.Starved && limit.near(data):
		return limit.exceeded()
	case v.Starved:
		return &TransientError{Err: errors.New("the compiler could not get memory")}
	case v.Refused != nil:
		return v.Refused
	case v.Host != 0:
		return &TransientError{Err: fmt.Errorf("the compiler: %s: %w", v.Fault, syscall.Errno(v.Host))}
	case v.Fault != "":
		return &InternalError{Err: errors.New(v.Fault)}
	}
	return nil
}

func verdictOf(err error) (v verdict) {
	if err == nil {
		return verdict{}
	}
	if refused, ok := errors.AsType[*meter.Error](err); ok {
		return verdict{Refused: refused}
	}
	v = verdict{Starved: errors.Is(err, unix.ENOMEM), Fault: err.Error()}
	if code, ok := errors.AsType[syscall.Errno](err); ok && slices.Contains(hostErrors, code) {
		v.Host = int(code)
	}
	return v
}

// hostErrors are errors of a disk or of the machine that no module causes.
var hostErrors = []syscall.Errno{
	unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS, unix.ESTALE, unix.EMFILE, unix.ENFILE, unix.EAGAIN, unix.EINTR,
}
