package engine

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// A compilation can take any time: wazero's optimizer takes about the fourth power of the nesting depth of
// loops that share locals, so that a module of three kilobytes keeps it busy for more than 100 seconds. It
// cannot be stopped within a process. So each compilation has a process of its own:
//
//  1. The engine starts Config.Compiler, a command that only calls CompilerMain, with a folder and the
//     bounds as arguments. It writes the metered and the original module to its standard input.
//  2. The process bounds itself before it reads a byte: every few milliseconds of its own time it measures
//     what it uses, and if that is too much its verdict is that it exceeded its bounds. If that fails, the
//     kernel ends it at somewhat higher bounds. (TestCompilerIsBounded)
//  3. It compiles into the folder. If that fails, it finds out whether the module is at fault. It reports
//     its memory, as it grows, and at last its verdict on standard output.
//  4. If the process ends without a verdict, the module is too large if the process has used its time, as
//     counted by the kernel, or if it complains of memory and its last report was near its bound. Any other
//     end is transient: the process was killed, or could not be started. (TestPassingFailures) Close kills
//     it. (TestCloseKillsCompiler)
//  5. A stopped process uses no processor time, so there is also a much higher bound on elapsed time. A
//     process that exceeds it is killed, which is transient too. (TestStoppedCompiler)
//
// The bounds are several times what modules with that much code take when compilers made them.
//
// Rejected: bounds on the shape of a function (more than one shape is slow, and one cannot know that all were
// found); a timeout on a goroutine (it would continue, and keep its memory); a process that serves many
// compilations (the kernel counts a process's time from its start).

// compiler is the command of the compiler process.
type compiler []string

// run compiles a module in a process of its own.
func (c compiler) run(ctx context.Context, dir string, job compileJob, limit bounds) error {
	args := append(c[1:len(c):len(c)], dir,
		strconv.FormatInt(int64(limit.cpu/time.Second), 10), strconv.FormatInt(limit.memory, 10))
	var out bytes.Buffer
	var stderr prefixWriter
	inTime, cancel := ctx, context.CancelFunc(func() {})
	if limit.wall > 0 {
		inTime, cancel = context.WithTimeout(ctx, limit.wall)
	}
	defer cancel()
	cmd := exec.CommandContext(inTime, c[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = job.reader(), &out, &stderr
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOTRACEBACK=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // so that ctrl-C reaches only the daemon
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return ErrClosed
		}
		return &TransientError{Err: fmt.Errorf("the compiler could not be started: %w", err)}
	}
	err := cmd.Wait()
	if ctx.Err() != nil {
		return ErrClosed
	}
	memory, v := readReports(&out)
	if v != nil {
		return v.err(limit, memory)
	}
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if spent >= limit.cpu || stderr.isOutOfMemory() && limit.near(memory) {
		return limit.exceeded()
	}
	if inTime.Err() != nil {
		return &TransientError{Err: fmt.Errorf(
			"the compiler was not done after %v, of which it worked for %v: it was stopped, or the machine is too busy", limit.wall, spent)}
	}
	return &TransientError{Err: fmt.Errorf("the compiler ended without a verdict: %w: %s", cmp.Or(err, io.ErrUnexpectedEOF), stderr.kept)}
}

// TransientError means that a module was not compiled for a reason outside of the module, for example that
// the compiler was killed or could not be started. Trying again may succeed.
type TransientError struct{ Err error }

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// prefixWriter keeps the first KiB of what is written to it.
type prefixWriter struct{ kept []byte }

func (w *prefixWriter) Write(p []byte) (int, error) {
	const most = 1 << 10
	w.kept = append(w.kept, p[:min(len(p), most-len(w.kept))]...)
	return len(p), nil
}

// isOutOfMemory reports whether Go's runtime ended the process for lack of memory, or of a thread's stack.
func (w *prefixWriter) isOutOfMemory() bool {
	return slices.ContainsFunc([]string{
		"out of memory", "cannot allocate memory", "pthread_create failed", "failed to create new OS thread",
	}, func(text string) bool { return bytes.Contains(w.kept, []byte(text)) })
}
