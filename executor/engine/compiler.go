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

// A compilation can take any time: wazero's optimizer is of about the fourth power in how deeply loops
// that share locals nest, so that a module of three kilobytes keeps it busy for more than 100 seconds.
// Nothing can stop it within a process. So it has a process of its own:
//
//  1. The engine starts Config.Compiler, a command that does nothing but call CompilerMain, with a
//     folder and the bounds as its arguments, and writes the module to its standard input, as it is
//     after the metering pass and as its author wrote it.
//  2. The process bounds itself before it reads a byte: it looks at what it uses every few milliseconds of its own
//     time, and when that is too much its verdict is that it was over its bounds. The kernel ends it further
//     above, should it not come to that. (TestCompilerIsBounded)
//  3. It compiles into the folder. If that fails it finds out whose fault it was. Its verdict goes to
//     its standard output, and before it how much memory it has, as it grows.
//  4. A process that ends without a verdict was over a bound, and the module is too large, if it has had the
//     time, by the kernel's account, or if it complains of memory and has told that it was near its bound. Anything
//     else passes: somebody killed it, or it could not even be started. (TestPassingFailures) Close kills it. (TestCloseKillsCompiler)
//  5. One that is stopped uses no time, so there is a bound by the clock as well, far above the other; then it
//     is killed, and that passes too. (TestStoppedCompiler)
//
// The bounds are several times what modules of that much code take that compilers made.
//
// Rejected: bounds on the shape of a function (there is more than one shape that is slow, and no telling
// that all were found); a timeout on a goroutine (it would go on, and its memory with it); a process that serves many
// compilations (the kernel counts a process's time from its start).

// compiler starts processes that compile.
type compiler []string

// run compiles a module in a process of its own.
func (c compiler) run(ctx context.Context, dir string, job compileJob, limit bounds) error {
	args := append(c[1:len(c):len(c)], dir,
		strconv.FormatInt(int64(limit.cpu/time.Second), 10), strconv.FormatInt(limit.memory, 10))
	var out bytes.Buffer
	var complaint beginning
	inTime, cancel := ctx, context.CancelFunc(func() {})
	if limit.wall > 0 {
		inTime, cancel = context.WithTimeout(ctx, limit.wall)
	}
	defer cancel()
	cmd := exec.CommandContext(inTime, c[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = job.reader(), &out, &complaint
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOTRACEBACK=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ctrl-C is for the daemon, which lets it finish
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
	if spent >= limit.cpu || complaint.ofMemory() && limit.near(memory) {
		return limit.exceeded()
	}
	if inTime.Err() != nil {
		return &TransientError{Err: fmt.Errorf(
			"the compiler was not done after %v, of which it worked for %v: it was stopped, or the machine is too busy", limit.wall, spent)}
	}
	return &TransientError{Err: fmt.Errorf("the compiler ended without a verdict: %w: %s", cmp.Or(err, io.ErrUnexpectedEOF), complaint.kept)}
}

// TransientError says that a module was not compiled for a reason that lies not in the module, but in what
// goes on around: the compiler was killed, or could not be started. It helps to try again.
type TransientError struct{ Err error }

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// beginning keeps the beginning of what is written to it.
type beginning struct{ kept []byte }

func (t *beginning) Write(p []byte) (int, error) {
	const most = 1 << 10
	t.kept = append(t.kept, p[:min(len(p), most-len(t.kept))]...)
	return len(p), nil
}

// ofMemory tells whether Go's runtime ended the process for want of memory, or of a stack for a thread.
func (t *beginning) ofMemory() bool {
	return slices.ContainsFunc([]string{
		"out of memory", "cannot allocate memory", "pthread_create failed", "failed to create new OS thread",
	}, func(text string) bool { return bytes.Contains(t.kept, []byte(text)) })
}
