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
	"slices"
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
//  4. A process that ends without a verdict was over a bound, and the module is too large, if by the
//     kernel's account it was near the bound. Anything else passes: somebody killed it, or it could not even
//     be started. (TestPassingFailures) Close kills it. (TestCloseKillsCompiler)
//
// The bounds are several times what modules of that much code take that compilers made.
//
// Rejected: bounds on the shape of a function (there is more than one shape that is slow, and no telling
// that all were found); a timeout on a goroutine (it would go on, and its memory with it); a process that serves many
// compilations (the kernel counts a process's time from its start).

// bounds is what one compilation may use.
type bounds struct {
	cpu    time.Duration
	memory int64
}

// boundsFor are those of a module. What takes time and memory is its code: a Go program with 2.9 MB of
// it took 1 s and 82 MiB. The rest is copied some times, of which elements of tables become the most.
func boundsFor(info *meter.Info) bounds {
	const copies, perElement = 6, 128
	code := int64(info.CodeBytes)>>20 + 1
	return bounds{
		cpu: 5*time.Second + time.Duration(code)*4*time.Second,
		memory: 512<<20 + code<<26 +
			copies*int64(info.ModuleBytes) + perElement*int64(info.Elements),
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
	Host    int          `json:",omitempty"` // or the host: an errno that has to do with disks and descriptors
}

func (v verdict) err(limit bounds, data int64) error {
	switch {
	case v.Starved && nearData(data, limit):
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
// told to work harder before. At the bound on time comes SIGXCPU, of which Go's runtime says that it ended
// the process; SIGKILL, a second later, could be anybody's.
func confine(seconds uint64, memory int64) error {
	debug.SetMemoryLimit(memory / 4 * 3)
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds + 1}),
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
	if err := cmd.Start(); err != nil {
		if ctx.Err() != nil {
			return ErrClosed
		}
		return &TransientError{Err: fmt.Errorf("the compiler could not be started: %w", err)}
	}
	watched := watchData(cmd.Process.Pid)
	err := cmd.Wait()
	data := watched.stop()
	if ctx.Err() != nil {
		return ErrClosed
	}
	var v verdict
	if json.Unmarshal(out.Bytes(), &v) == nil {
		return v.err(limit, data)
	}
	spent := cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	if spent >= limit.cpu || complaint.ofTime() && nearTime(spent, limit) || complaint.ofMemory() && nearData(data, limit) {
		return limit.exceeded()
	}
	return &TransientError{Err: fmt.Errorf("the compiler ended without a verdict: %w: %s", cmp.Or(err, io.ErrUnexpectedEOF), complaint.kept)}
}

// TransientError says that a module was not compiled for a reason that lies not in the module, but in what
// goes on around: the compiler was killed, or could not be started. It helps to try again.
type TransientError struct{ Err error }

func (e *TransientError) Error() string { return e.Err.Error() }
func (e *TransientError) Unwrap() error { return e.Err }

// nearTime tells whether a process that was told that its time is up has had most of it. The kernel counts
// by ticks when it looks at the bound, and exactly when it is asked: on a busy machine that differs much.
func nearTime(spent time.Duration, limit bounds) bool { return spent >= limit.cpu/2 }

// nearData tells whether a process that got no memory had asked for so much that it is its bound that was in
// the way; 0: unknown.
func nearData(data int64, limit bounds) bool { return data == 0 || data >= limit.memory/2 }

// dataWatch looks again and again how much memory a process has asked for: what RLIMIT_DATA bounds. The
// kernel's account of a process that has ended tells what was resident, and begins with what its parent had.
type dataWatch struct {
	ended chan struct{}
	most  chan int64
}

func watchData(pid int) dataWatch {
	w := dataWatch{make(chan struct{}), make(chan int64)}
	go func() {
		var most int64
		ticks := time.NewTicker(20 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-ticks.C:
				most = max(most, dataOf(pid))
			case <-w.ended:
				w.most <- most
				return
			}
		}
	}()
	return w
}

// stop returns the most that was seen.
func (w dataWatch) stop() int64 {
	close(w.ended)
	return <-w.most
}

// dataOf returns how much memory a process has asked for; 0 where nothing tells.
func dataOf(pid int) int64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(text, []byte("\nVmData:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0
	}
	return kilobytes << 10
}

// beginning keeps the beginning of what is written to it.
type beginning struct{ kept []byte }

func (t *beginning) Write(p []byte) (int, error) {
	const most = 1 << 10
	t.kept = append(t.kept, p[:min(len(p), most-len(t.kept))]...)
	return len(p), nil
}

// ofTime tells whether Go's runtime ended the process because of SIGXCPU.
func (t *beginning) ofTime() bool { return bytes.Contains(t.kept, []byte("SIGXCPU")) }

// ofMemory tells whether Go's runtime ended the process for want of memory.
func (t *beginning) ofMemory() bool {
	return bytes.Contains(t.kept, []byte("out of memory")) || bytes.Contains(t.kept, []byte("cannot allocate memory"))
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
