package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/reactord/reactord/executor/engine/meter"
)

// nestedLoops is a small module that takes wazero minutes: n loops, one in the other, and n locals
// that are used in the innermost.
func nestedLoops(n int) []byte {
	loops := "\x03\x40"            // loop
	use := "\x20\x00\x1a"          // local.get 0, drop
	again := "\x41\x00\x0d\x00"    // i32.const 0, br_if 0
	last := "\x41\x00\x0d\x00\x0b" // the same, end
	body := "\x01" + leb(n) + "\x7f" + strings.Repeat(loops, n)
	for i := range n {
		body += strings.Replace(use, "\x00", leb(i), 1)
	}
	body += again + strings.Repeat(last, n) + "\x0b"
	section := func(id, content string) string { return id + leb(len(content)) + content }
	return []byte("\x00asm\x01\x00\x00\x00" +
		section("\x01", "\x01\x60\x00\x00") +
		section("\x03", "\x01\x00") +
		section("\x0a", "\x01"+leb(len(body))+body))
}

func leb(n int) string {
	if n < 0x80 {
		return string([]byte{byte(n)})
	}
	return string([]byte{byte(n)&0x7f | 0x80}) + leb(n>>7)
}

// meteredJob is the job that a module becomes.
func meteredJob(t *testing.T, binary []byte) compileJob {
	t.Helper()
	metered, _, err := meter.Rewrite(binary, meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return compileJob{metered, binary}
}

func TestCompilerProcess(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	run(t, Config{CacheDir: dir, Compiler: testCompiler(t)}, "guest", "no_memory", "empty")
	if files := codeSizes(t, dir); len(files) != 3 {
		t.Errorf("%d files for three modules", len(files))
	}
	// What a process made is what this one would have made.
	inProcess := filepath.Join(t.TempDir(), "cache")
	run(t, Config{CacheDir: inProcess}, "guest")
	for path := range codeSizes(t, inProcess) {
		one, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		other, err := os.ReadFile(filepath.Join(dir, filepath.Base(path)))
		if err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s is another in a process of its own (%v)", filepath.Base(path), err)
		}
	}
}

func TestCompilerIsBounded(t *testing.T) {
	job := meteredJob(t, nestedLoops(400))
	for name, limit := range map[string]bounds{
		"time":   {cpu: time.Second, memory: 1 << 30},
		"memory": {cpu: time.Hour, memory: 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "memory" && raceDetector {
				t.Skip("the race detector has its own way to end for want of memory")
			}
			err := compiler(testCompiler(t)).run(t.Context(), t.TempDir(), job, limit)
			if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.TooLarge {
				t.Errorf("%v, want that it is too large", err)
			}
		})
	}
}

func TestCompilerTellsWhoseFaultItIs(t *testing.T) {
	binary := []byte("\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x05\x01\x03\x00\x1a\x0b") // drop of nothing
	e := newEngine(t, Config{CacheDir: filepath.Join(t.TempDir(), "cache"), Compiler: testCompiler(t)})
	reads := 0
	for range 2 {
		_, err := e.Load(t.Context(), "malformed", func() ([]byte, error) { reads++; return binary, nil })
		if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.Malformed || refused.Offset == 0 {
			t.Errorf("%v, want that it is malformed, and where", err)
		}
	}
	if reads != 1 {
		t.Errorf("a module that was refused was compiled %d times", reads)
	}
}

// TestPassingFailures: if a compiler ends that has used little of its bounds, the module is not at fault.
func TestPassingFailures(t *testing.T) {
	limit := bounds{cpu: 10 * time.Second, memory: 1 << 30}
	for _, command := range []compiler{
		{"/nonexistent"},
		{"/bin/sh", "-c", "echo sorry >&2; exit 1"},
		{"/bin/sh", "-c", "exit 0"},
		{"/bin/sh", "-c", "kill -KILL $$"},
		{"/bin/sh", "-c", "kill -XCPU $$"},
		{"/bin/sh", "-c", "echo 'SIGXCPU: cpu limit exceeded' >&2; exit 2"},
		{"/bin/sh", "-c", "echo 'panic: whoops' >&2; exit 2"},
		{"/bin/sh", "-c", "sleep 0.2; echo 'fatal error: runtime: out of memory' >&2; exit 2"},
		{"/bin/sh", "-c", `sleep 0.2; echo '{"Memory":1000}{"Verdict":{"Starved":true}}'`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}'; kill -KILL $$`},
		{"/bin/sh", "-c", `echo '{"Memory":1000}'; echo 'runtime/cgo: pthread_create failed' >&2; kill -ABRT $$`},
	} {
		err := command.run(t.Context(), t.TempDir(), compileJob{}, limit)
		if _, ok := errors.AsType[*TransientError](err); !ok {
			t.Errorf("%q: %v, want that it passes", command, err)
		}
	}
}

// TestCompilerIsWaitedFor: whenever a compilation is cancelled, its process is waited for. (goleak finds the goroutines
// that watch it.)
func TestCompilerIsWaitedFor(t *testing.T) {
	for i := range 50 {
		ctx, cancel := context.WithCancel(t.Context())
		timer := time.AfterFunc(time.Duration(i)*20*time.Microsecond, cancel)
		if err := (compiler{"/bin/sh", "-c", "exec sleep 60"}).run(ctx, t.TempDir(), compileJob{}, bounds{}); !errors.Is(err, ErrClosed) {
			t.Errorf("called off: %v", err)
		}
		timer.Stop()
	}
}

// TestStoppedCompiler: a compiler that is stopped, as by a debugger, does not keep its place for ever.
func TestStoppedCompiler(t *testing.T) {
	for wall := 200 * time.Millisecond; ; wall *= 2 {
		limit := bounds{cpu: time.Minute, memory: 1 << 30, wall: wall}
		err := compiler{"/bin/sh", "-c", "kill -STOP $$"}.run(t.Context(), t.TempDir(), compileJob{}, limit)
		if _, ok := errors.AsType[*TransientError](err); !ok {
			t.Fatalf("got %v, want that it passes", err)
		}
		if !errors.Is(err, context.DeadlineExceeded) { // else the machine was too busy to start it in that time
			if !strings.Contains(err.Error(), "stopped") {
				t.Errorf("%v does not say that it was stopped", err)
			}
			break
		}
	}
}

// TestOverBounds: a compiler that complains of memory, and had most of the memory of its bound, has exceeded it.
func TestOverBounds(t *testing.T) {
	limit := bounds{cpu: 10 * time.Second, memory: 1 << 30}
	for _, command := range []compiler{
		{"/bin/sh", "-c", `echo '{"Verdict":{"Exceeded":true}}'`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}{"Verdict":{"Starved":true}}'`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}'; echo 'fatal error: runtime: out of memory' >&2; exit 2`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}'; echo 'runtime: cannot allocate memory' >&2; exit 2`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}'; echo 'runtime: failed to create new OS thread' >&2; exit 2`},
		{"/bin/sh", "-c", `echo '{"Memory":1000000000}'; echo 'runtime/cgo: pthread_create failed' >&2; kill -ABRT $$`},
	} {
		err := command.run(t.Context(), t.TempDir(), compileJob{}, limit)
		if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.TooLarge {
			t.Errorf("%q: %v, want that it is too large", command, err)
		}
	}
}

// TestNothingIsRememberedOfPassingFailures: the next Load tries again.
func TestNothingIsRememberedOfPassingFailures(t *testing.T) {
	flag := filepath.Join(t.TempDir(), "flag")
	command := []string{"/bin/sh", "-c", "test -e " + flag + ` && exec "$0" "$@"; kill -KILL $$`}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	e := newEngine(t, Config{CacheDir: filepath.Join(t.TempDir(), "cache"), Compiler: append(command, testCompiler(t)...)})
	if err := os.Remove(flag); err != nil {
		t.Fatal(err)
	}
	read := func() ([]byte, error) { return binaryOf(t, "empty"), nil }
	for range 2 {
		_, err := e.Load(t.Context(), "empty", read)
		if _, ok := errors.AsType[*TransientError](err); !ok {
			t.Errorf("%v, want that it passes", err)
		}
	}
	if err := os.WriteFile(flag, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	m, err := e.Load(t.Context(), "empty", read)
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
}

// TestBoundsFollowTheCode: data, custom sections and names give a compilation no more time.
func TestBoundsFollowTheCode(t *testing.T) {
	const most = 3 << 30
	small, padded := boundsFor(&meter.Info{CodeBytes: 3000, ModuleBytes: 3100}, most), boundsFor(&meter.Info{CodeBytes: 3000, ModuleBytes: 250 << 20}, most)
	if padded.cpu != small.cpu || padded.memory > 4*small.memory {
		t.Errorf("%v, with 250 MiB of data %v", small, padded)
	}
	if large := boundsFor(&meter.Info{CodeBytes: 10 << 20}, most); large.cpu < 4*small.cpu {
		t.Errorf("10 MiB of code have %v", large)
	}
	large := boundsFor(&meter.Info{CodeBytes: 2 << 20, LargestFunction: 1 << 20}, most)
	if large.memory < 3*small.memory/2 || large.memory > 4*small.memory {
		t.Errorf("a function of 1 MiB has %v", large)
	}
	largest := boundsFor(&meter.Info{CodeBytes: 8 << 20, LargestFunction: 7 << 20}, most)
	if largest.memory != most {
		t.Errorf("a function of 7 MiB has %v", largest)
	}
	for _, figure := range []string{"7.0 MiB", "3.0 GiB", "1m17s", "split"} {
		if text := largest.exceeded().Error(); !strings.Contains(text, figure) {
			t.Errorf("%q does not tell %q", text, figure)
		}
	}
}

// stuckCompiler is a compiler that does not finish modules with functions of more than a few kilobytes: with a bound of
// a second it reports that it exceeded it, and with a higher one it opens a pipe for writing and waits for ever.
func stuckCompiler(t *testing.T, pipe string) []string {
	t.Helper()
	least := boundsFor(&meter.Info{LargestFunction: 4 << 10}, 1<<40).memory
	script := fmt.Sprintf(`[ "$4" -lt %d ] && exec "$0" "$@"; [ "$3" -gt 1 ] && : > %s && exec sleep 1000; echo '{"Verdict":{"Exceeded":true}}'`, least, pipe)
	return append([]string{"/bin/sh", "-c", script}, testCompiler(t)...)
}

// TestSmallModulesPassLargeOnes: neither modules whose code is on disk nor small modules wait for modules that take long
// to compile.
func TestSmallModulesPassLargeOnes(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache")
	run(t, Config{CacheDir: dir}, "guest")
	pipe := filepath.Join(t.TempDir(), "pipe")
	if err := unix.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	e := openEngine(t, Config{CacheDir: dir, Compiler: stuckCompiler(t, pipe), Compilers: 1})
	slow := make(chan error, 3)
	for n := range cap(slow) {
		go func() {
			_, err := e.Load(context.Background(), "loops"+leb(n), func() ([]byte, error) { return nestedLoops(1000 + n), nil })
			slow <- err
		}()
	}
	if stuck, err := os.Open(pipe); err != nil { // once somebody writes there
		t.Fatal(err)
	} else {
		stuck.Close()
	}
	for _, name := range []string{"guest", "traps"} { // on disk, and not
		m, err := e.Load(t.Context(), name, func() ([]byte, error) { return binaryOf(t, name), nil })
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
	}
	select {
	case err := <-slow:
		t.Errorf("a module that is never done ended: %v", err)
	default:
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	for range cap(slow) {
		if err := <-slow; !errors.Is(err, ErrClosed) {
			t.Errorf("Load: %v, want ErrClosed", err)
		}
	}
}

func TestCloseKillsCompiler(t *testing.T) {
	e := openEngine(t, Config{CacheDir: filepath.Join(t.TempDir(), "cache"), Compiler: testCompiler(t)})
	begun := make(chan struct{}, 3)
	failed := make(chan error)
	go func() {
		_, err := e.Load(context.Background(), "loops", func() ([]byte, error) { begun <- struct{}{}; return nestedLoops(1000), nil })
		failed <- err
	}()
	<-begun
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-failed; !errors.Is(err, ErrClosed) {
		t.Errorf("Load: %v, want ErrClosed", err)
	}
}

func TestJobs(t *testing.T) {
	for _, job := range []compileJob{{}, {[]byte("12\n"), []byte("\n")}, {nil, []byte("x")}} {
		got, err := readJob(job.reader())
		if err != nil || !bytes.Equal(got.metered, job.metered) || !bytes.Equal(got.original, job.original) {
			t.Errorf("%q: %q, %v", job, got, err)
		}
	}
	for _, bad := range []string{"", "x\n", "-1\n", "4\nabc"} {
		if _, err := readJob(strings.NewReader(bad)); err == nil {
			t.Errorf("%q is a job", bad)
		}
	}
	if err := CompilerMain(nil, strings.NewReader(""), io.Discard); err == nil {
		t.Error("no arguments will do")
	}
}
