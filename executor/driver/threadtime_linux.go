package driver

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// currentThread returns the id of the calling thread.
func currentThread() int { return unix.Gettid() }

// threadTime returns the processor time of a thread of this process, or false if it is not known. See
// clock_getcpuclockid(3) and pthread_getcpuclockid(3): the id of a thread's clock is derived from the
// id of the thread.
func threadTime(thread int) (time.Duration, bool) {
	const perThread, scheduled = 4, 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^thread<<3|perThread|scheduled), &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// threadRunnable reports whether a thread of this process runs or waits for a processor, rather than
// for something else. See proc_pid_stat(5): the state follows the name, which is in parentheses.
func threadRunnable(thread int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", thread))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte{' '})
	return len(rest) > 0 && rest[0] == 'R'
}
