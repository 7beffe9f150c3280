package engine

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"strconv"
	"sync"
	"time"

	"github.com/tetratelabs/wazero"
	"golang.org/x/sys/unix"
)

// CompilerMain is the main function of the process that Config.Compiler starts. args are the arguments
// that the engine appends to the command. It returns an error only if it was not started by an engine.
func CompilerMain(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 3 {
		return errors.New("this command is for the daemon's own use: it takes a folder and two bounds")
	}
	seconds, err1 := strconv.ParseUint(args[1], 10, 32)
	memory, err2 := strconv.ParseInt(args[2], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	limit := bounds{cpu: time.Duration(seconds) * time.Second, memory: memory}
	reports := &reporter{out: json.NewEncoder(out), limit: limit}
	if err := reports.reportMemory(); err != nil {
		return err
	}
	if err := confine(limit); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	go reports.enforceBounds()
	job, err := readJob(in)
	if err != nil {
		return err
	}
	return reports.end(verdictOf(compileInto(context.Background(), args[0], job)))
}

// confine sets kernel limits on this process, above the bounds at which it ends itself. The kernel's limit
// on memory ends it abruptly, so the collector is set to work harder below it. The kernel's limit on time
// counts ticks, which on a busy machine differ much from the time used.
func confine(limit bounds) error {
	debug.SetMemoryLimit(limit.memory / 4 * 3)
	seconds, memory := uint64(limit.cpu/time.Second)*2+2, uint64(limit.memory+limit.memory/4)
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}),
		unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
	)
}

// report is a line that the process writes: its memory, whenever that has grown considerably, or at the end
// its verdict.
type report struct {
	Memory  int64    `json:",omitempty"`
	Verdict *verdict `json:",omitempty"`
}

// reporter writes reports. Its methods are safe for concurrent use.
type reporter struct {
	limit bounds

	mu       sync.Mutex
	out      *json.Encoder
	reported int64 // the last memory reported
	ended    bool
}

// enforceBounds measures the process's own use and ends the process when it exceeds its bounds. The process
// does that itself, and so does it after the same amount of its own time however busy the machine is.
func (r *reporter) enforceBounds() {
	for range time.Tick(5 * time.Millisecond) {
		if err := r.reportMemory(); err != nil {
			os.Exit(1) // nobody listens
		}
		if memory, cpu := ownUse(); memory > r.limit.memory || cpu > r.limit.cpu {
			_ = r.end(verdict{Exceeded: true}) // nobody listens
			os.Exit(0)
		}
	}
}

// reportMemory reports the process's memory if it has grown considerably since the last report.
func (r *reporter) reportMemory() error {
	memory, _ := ownUse()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended || memory < r.reported+r.limit.memory/64 {
		return nil
	}
	r.reported = memory
	return r.out.Encode(report{Memory: memory})
}

// end reports the verdict, unless one was reported before.
func (r *reporter) end(v verdict) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return nil
	}
	r.ended = true
	return r.out.Encode(report{Verdict: &v})
}

// ownUse returns this process's writable mapped memory, which Go never unmaps, and its processor time.
func ownUse() (memory int64, cpu time.Duration) {
	total := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(total)
	var usage unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage) // fails only for wrong arguments
	return int64(total[0].Value.Uint64()), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// readReports returns the largest memory reported, and the verdict, or nil if there is none.
func readReports(in io.Reader) (memory int64, v *verdict) {
	for lines := json.NewDecoder(in); ; {
		var r report
		if lines.Decode(&r) != nil {
			return memory, v
		}
		memory, v = max(memory, r.Memory), r.Verdict
	}
}

// compileInto compiles a module in a runtime of its own, which writes the machine code to the folder.
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
