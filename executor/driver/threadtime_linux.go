package driver

import (
	"bytes"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// currentThread returns the thread that it is called on.
func currentThread() int { return unix.Gettid() }

// threadTime returns the time that a thread of this process has had a processor for; false if it is not
// known. See clock_getcpuclockid(3) and pthread_getcpuclockid(3): the number of a thread's clock is made
// of that of the thread.
func threadTime(thread int) (time.Duration, bool) {
	const perThread, scheduled = 4, 2
	var t unix.Timespec
	if err := unix.ClockGettime(int32(^thread<<3|perThread|scheduled), &t); err != nil {
		return 0, false
	}
	return time.Duration(t.Nano()), true
}

// threadRunnable tells whether a thread of this process has a processor or waits for one, rather than for
// something else. See proc_pid_stat(5): the state follows the name, which is in parentheses.
func threadRunnable(thread int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/self/task/%d/stat", thread))
	if err != nil {
		return false
	}
	_, rest, _ := bytes.Cut(stat[bytes.LastIndexByte(stat, ')')+1:], []byte{' '})
	return len(rest) > 0 && rest[0] == 'R'
}
