package driver

import (
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// kernelAlarm is an alarm by a timer descriptor, which Go's poller watches.
//
// Go's own timers are up to a millisecond late in a process that sleeps, since its poller counts in milliseconds, and
// 10 to 30 ms late while the garbage collector uses all processors that are idle: its workers look for goroutines that can
// run and at the poller, but not for timers.
type kernelAlarm struct {
	file *os.File
	raw  syscall.RawConn
	fd   int
}

// newAlarm returns the system's alarm, or Go's if the system has no room for it.
func newAlarm() alarm {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return newGoAlarm()
	}
	file := os.NewFile(uintptr(fd), "timerfd")
	raw, err := file.SyscallConn()
	if err != nil {
		_ = file.Close()
		return newGoAlarm()
	}
	return &kernelAlarm{file: file, raw: raw, fd: fd}
}

func (a *kernelAlarm) set(after time.Duration) {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(int64(after), 1))} // zero would disarm it
	_ = unix.TimerfdSettime(a.fd, 0, &spec, nil)                              // it fails only for arguments that are wrong
}

func (a *kernelAlarm) wait() bool {
	return a.raw.Read(hasRung) == nil
}

// hasRung reports whether a timer descriptor has rung since it was set or asked. It does not block, so Go's scheduler need
// not hear of the call: it might give the processor away.
func hasRung(fd uintptr) bool {
	var rings uint64 // their number
	_, _, err := unix.RawSyscall(unix.SYS_READ, fd, uintptr(unsafe.Pointer(&rings)), unsafe.Sizeof(rings))
	return err == 0
}

func (a *kernelAlarm) stop()  { _ = a.file.SetReadDeadline(time.Unix(1, 0)) }
func (a *kernelAlarm) close() { _ = a.file.Close() }
