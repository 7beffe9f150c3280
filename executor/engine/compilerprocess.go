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
	limit := bounds{cpu: time.Duration(seconds) * time.Second, memory: memory}
	told := &teller{out: json.NewEncoder(out), limit: limit}
	if err := told.look(); err != nil {
		return err
	}
	if err := confine(limit); err != nil {
		return fmt.Errorf("limits: %w", err)
	}
	go told.watch()
	job, err := readJob(in)
	if err != nil {
		return err
	}
	return told.end(verdictOf(compileInto(context.Background(), args[0], job)))
}

// confine has the kernel bound this process, as far above its bounds as it may come before it ends itself. The
// kernel's bound on memory ends it abruptly, so the collector is told to work harder before. Its bound on time
// counts by ticks, and so on a busy machine differs much from what the process has used.
func confine(limit bounds) error {
	debug.SetMemoryLimit(limit.memory / 4 * 3)
	seconds, memory := uint64(limit.cpu/time.Second)*2+2, uint64(limit.memory+limit.memory/4)
	return errors.Join(
		unix.Setrlimit(unix.RLIMIT_CPU, &unix.Rlimit{Cur: seconds, Max: seconds}),
		unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: memory, Max: memory}),
		unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{}),
	)
}

// report is a line that the process writes: how much memory it has, whenever that is a good deal more, and its
// verdict in the end.
type report struct {
	Memory  int64    `json:",omitempty"`
	Verdict *verdict `json:",omitempty"`
}

// teller writes reports. Its methods are safe for concurrent use.
type teller struct {
	limit bounds

	mu    sync.Mutex
	out   *json.Encoder
	told  int64 // how much memory it has
	ended bool
}

// watch looks at the process's own use until it is over. It is the process itself that does, for then it
// looks again after so much of its own time, however busy the machine is.
func (t *teller) watch() {
	for range time.Tick(5 * time.Millisecond) {
		if err := t.look(); err != nil {
			os.Exit(1) // nobody listens
		}
		if memory, cpu := ownUse(); memory > t.limit.memory || cpu > t.limit.cpu {
			_ = t.end(verdict{Exceeded: true}) // nobody listens
			os.Exit(0)
		}
	}
}

// look tells of memory if there is much more than was told.
func (t *teller) look() error {
	memory, _ := ownUse()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended || memory < t.told+t.limit.memory/64 {
		return nil
	}
	t.told = memory
	return t.out.Encode(report{Memory: memory})
}

// end tells the verdict, of which the first counts.
func (t *teller) end(v verdict) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.ended {
		return nil
	}
	t.ended = true
	return t.out.Encode(report{Verdict: &v})
}

// ownUse returns the memory that this process has mapped to write to, which Go never unmaps, and its processor time.
func ownUse() (memory int64, cpu time.Duration) {
	total := []metrics.Sample{{Name: "/memory/classes/total:bytes"}}
	metrics.Read(total)
	var usage unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &usage) // fails for wrong arguments only
	return int64(total[0].Value.Uint64()), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// readReports returns the most memory that was told, and the verdict; nil: there is none.
func readReports(in io.Reader) (memory int64, v *verdict) {
	for lines := json.NewDecoder(in); ; {
		var r report
		if lines.Decode(&r) != nil {
			return memory, v
		}
		memory, v = max(memory, r.Memory), r.Verdict
	}
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
