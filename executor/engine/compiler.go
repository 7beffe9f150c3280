package engine

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/engine/meter"
)

// A compilation can take any time: wazero's optimizer is of about the fourth power in how deeply loops
// that share locals nest, so that a module of three kilobytes keeps it busy for more than 100 seconds.
// Nothing can stop it within a process. So it has a process of its own:
//
//  1. The engine starts Config.Compiler, a command that does nothing but call CompilerMain, with a
//     folder and the bounds as its arguments, and writes the module to its standard input, as it is
//     after the metering pass and as its author wrote it.
//  2. The process bounds itself, by what the kernel has for that, before it reads a byte.
//     (TestCompilerIsBounded)
//  3. It compiles into the folder. If that fails it finds out whose fault it was. Its verdict goes to
//     its standard output.
//  4. A process that ends without a verdict was over a bound, and the module is too large. Close
//     kills it. (TestCloseKillsCompiler)
//
// The bounds are several times what modules of that size take that compilers made.
//
// Rejected: bounds on the shape of a function (there is more than one shape that is slow, and no telling
// that all were found); a timeout on a goroutine (it would go on, and its memory with it); a process that serves many
// compilations (the kernel counts a process's time from its start).

// bounds is what one compilation may use.
type bounds struct {
	cpu    time.Duration
	memory int64
}

// boundsFor are those of a metered module of that many bytes. A Go program of 2.9 MB took 1 s and
// 82 MiB.
func boundsFor(size int) bounds {
	megabytes := int64(size)>>20 + 1
	return bounds{
		cpu:    5*time.Second + time.Duration(megabytes)*4*time.Second,
		memory: 512<<20 + megabytes<<26,
	}
}

func (b bounds) exceeded() error {
	return &meter.Error{
		Kind: meter.TooLarge,
		Msg:  fmt.Sprintf("compiling the module takes more than %v of processor time or %d MiB of memory", b.cpu, b.memory>>20),
	}
}

// compileJob is a module to compile.
type compileJob struct {
	metered  []byte
	original []byte // to tell whose fault it is that metered does not compile
}

// verdict is what became of a compilation.
type verdict struct {
	Refused *meter.Error `json:",omitempty"` // the module is at fault
	Starved bool         `json:",omitempty"` // it met the bound on memory
	Fault   string       `json:",omitempty"` // we are at fault
}

func (v verdict) err(limit bounds) error {
	switch {
	case v.Starved:
		return limit.exceeded()
	case v.Refused != nil:
		return v.Refused
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
	return verdict{Starved: errors.Is(err, unix.ENOMEM), Fault: err.Error()}
}

// CompilerMain is the whole of the process that Config.Compiler starts: args are what follows
// the command. It returns an error only if it was not started as an engine does.
func CompilerMain(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("this is for the daemon's own use: it wants a folder and two bounds")
	}
	seconds, err1 := strconv.ParseUint(args[1], 10, 32)
	memory, err2 := strconv.ParseInt(args[2], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if err := confine(seconds, memory); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	job, err := readJob(in)
	if err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(verdictOf(compileInto(context.Background(), args[0], job)))
}

// confine bounds this process. The kernel's bound on memory ends it abruptly, so the collector is
// told to work harder before.
func confine(seconds uint64, memory int64) error {
	debug.SetMemoryLimit(memory / 4 * 3)
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}),
		unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(memory), Max: uint64(memory)}),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
	)
}

// compileInto compiles a module in a runtime of its own, which leaves its machine code in the folder.
func compileInto(ctx context.Context, dir string, job compileJob) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = recovered(v, debug.Stack())
		}
	}()
	cache, err := wazero.NewCompilationCacheWithDir(dir)
	if err != nil {
		return err
	}
	r := wazero.NewRuntimeWithConfig(ctx, runtimeConfig().WithCompilationCache(cache))
	defer func() { err = errors.Join(err, r.Close(ctx), cache.Close(ctx)) }()
	if _, err := r.CompileModule(ctx, job.metered); err != nil {
		return blame(ctx, job.original, err)
	}
	return nil
}

// compiler starts processes that compile.
type compiler []string

// run compiles a module in a process of its own.
func (c compiler) run(ctx context.Context, dir string, job compileJob, limit bounds) error {
	args := append(c[1:len(c):len(c)], dir,
		strconv.FormatInt(int64(limit.cpu/time.Second), 10), strconv.FormatInt(limit.memory, 10))
	var out bytes.Buffer
	var complaint beginning
	cmd := exec.CommandContext(ctx, c[0], args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = job.reader(), &out, &complaint
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GOTRACEBACK=none")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a ctrl-C is for the daemon, which lets it finish
	err := cmd.Run()
	if ctx.Err() != nil {
		return ErrClosed
	}
	var v verdict
	if json.Unmarshal(out.Bytes(), &v) == nil {
		return v.err(limit)
	}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && overBounds(exit) {
		return limit.exceeded()
	}
	return &InternalError{Err: fmt.Errorf("compiler: %w: %s", cmp.Or(err, io.ErrUnexpectedEOF), complaint.kept)}
}

// overBounds tells whether a process ended as one does that is over a bound: killed by the kernel, or by
// Go's runtime, which exits with status 2, for want of memory.
func overBounds(exit *exec.ExitError) bool {
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && (status.Signaled() && status.Signal() == syscall.SIGKILL || status.ExitStatus() == 2)
}

// beginning keeps the beginning of what is written to it.
type beginning struct{ kept []byte }

func (t *beginning) Write(p []byte) (int, error) {
	const most = 1 << 10
	t.kept = append(t.kept, p[:min(len(p), most-len(t.kept))]...)
	return len(p), nil
}

// A job is sent as the length of the metered module in decimal, a newline, and both modules.

func (j compileJob) reader() io.Reader {
	head := strconv.AppendInt(nil, int64(len(j.metered)), 10)
	return io.MultiReader(bytes.NewReader(append(head, '\n')), bytes.NewReader(j.metered), bytes.NewReader(j.original))
}

func readJob(in io.Reader) (compileJob, error) {
	all, err := io.ReadAll(in)
	if err != nil {
		return compileJob{}, err
	}
	head, rest, _ := bytes.Cut(all, []byte("\n"))
	size, err := strconv.Atoi(string(head))
	if err != nil || size < 0 || size > len(rest) {
		return compileJob{}, errors.New("not a job")
	}
	return compileJob{metered: rest[:size], original: rest[size:]}, nil
}
