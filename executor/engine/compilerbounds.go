package engine

import (
	"errors"
	"fmt"
	"slices"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/engine/meter"
)

// bounds is what one compilation may use.
type bounds struct {
	cpu    time.Duration
	memory int64
	// wall is the time after which a compiler that is not done is taken to be stopped; zero: none.
	wall time.Duration

	wanted  int64 // the memory that the module would have been given if there was more
	largest int   // the bytes of its largest function
}

// slowest is how many times longer than it works a compiler may take, on a machine that is busy.
const slowest = 20

// boundsFor are those of a module, of no more than most bytes. What takes time and memory is its code: a Go program
// with 2.9 MB of it took 1 s and 82 MiB. wazero has all of one function in memory at a time: straight-line stores take
// 740 bytes for each byte of it, a Go program's table 930, a chain of loads 1,500. The rest is copied some
// times, of which elements of tables become the most.
func boundsFor(info *meter.Info, most int64) bounds {
	const copies, perElement, perFunctionByte = 6, 128, 1 << 10
	code := int64(info.CodeBytes)>>20 + 1
	wanted := 512<<20 + code<<26 + perFunctionByte*int64(info.LargestFunction) +
		copies*int64(info.ModuleBytes) + perElement*int64(info.Elements)
	cpu := 5*time.Second + time.Duration(code)*4*time.Second
	return bounds{
		cpu:    cpu,
		memory: min(wanted, most),
		wall:   slowest * cpu,
		wanted: wanted, largest: info.LargestFunction,
	}
}

// exceeded refuses the module.
func (b bounds) exceeded() error {
	msg := fmt.Sprintf("compiling the module takes more than %v of processor time or %d MiB of memory", b.cpu, b.memory>>20)
	if b.largest >= largeFunction {
		msg += fmt.Sprintf("; its largest function has %d bytes as it is compiled: split it up", b.largest)
	}
	if b.wanted > b.memory {
		msg += fmt.Sprintf("; with more memory for compilations it could have %d MiB", b.wanted>>20)
	}
	return &meter.Error{Kind: meter.TooLarge, Msg: msg}
}

// largeFunction is from where on a function's size is worth telling.
const largeFunction = 128 << 10

// near tells whether a process that got no memory had so much that it is its bound that was in the way. A block that
// was not to be had is no more than twice as large as one that it had, of which it is to be a copy.
func (b bounds) near(data int64) bool { return data >= b.memory/3 }

// compileJob is a module to compile.
type compileJob struct {
	metered  []byte
	original []byte // to tell whose fault it is that metered does not compile
}

// verdict is what became of a compilation.
type verdict struct {
	Exceeded bool         `json:",omitempty"` // it was over a bound
	Refused  *meter.Error `json:",omitempty"` // the module is at fault
	Starved  bool         `json:",omitempty"` // it got no memory
	Fault    string       `json:",omitempty"` // we are at fault
	Host     int          `json:",omitempty"` // or the host: an errno that has to do with disks and descriptors
}

func (v verdict) err(limit bounds, data int64) error {
	switch {
	case v.Exceeded, v.Starved && limit.near(data):
		return limit.exceeded()
	case v.Starved:
		return &TransientError{Err: errors.New("the compiler got no memory")}
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

// hostErrors are the errors of a disk or of the machine that a module has no part in.
var hostErrors = []syscall.Errno{
	unix.ENOSPC, unix.EDQUOT, unix.EIO, unix.EROFS, unix.ESTALE, unix.EMFILE, unix.ENFILE, unix.EAGAIN, unix.EINTR,
}
