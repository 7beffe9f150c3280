package attack

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/integration/internal/testkit"
	reactorv1 "github.com/reactord/reactord/proto/reactor/v1"
)

const mib = 1 << 20

// residentMemory is what the daemon's process has in memory.
func residentMemory(t *testing.T, d *testkit.Daemon) int64 {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", d.PID))
	if err != nil {
		t.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// calling is a module whose _start has the code, or calls a second function that has it.
func calling(code ...byte) *wasm.Module {
	return &wasm.Module{
		Types:     []wasm.FuncType{{}},
		Functions: []uint32{0, 0},
		Exports:   []wasm.Export{{Name: "_start"}},
		Bodies:    []wasm.Body{{Code: []byte{0x10, 1, 0x0b}}, {Code: append(code, 0x0b)}},
	}
}

// named appends a name section, with which the second function has a name of that many bytes.
func named(module []byte, size int) []byte {
	function := slices.Concat([]byte{1, 1}, binary.AppendUvarint(nil, uint64(size)), bytes.Repeat([]byte{'f'}, size))
	names := slices.Concat([]byte{1}, binary.AppendUvarint(nil, uint64(len(function))), function)
	section := slices.Concat([]byte("\x04name"), names)
	return slices.Concat(module, []byte{0}, binary.AppendUvarint(nil, uint64(len(section))), section)
}

// TestLongNamesCostNothing: a guest traps in a function that has a name of 16 MiB.
func TestLongNamesCostNothing(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	const recursion = 40
	m := calling()
	m.Types = append(m.Types, wasm.FuncType{Params: []wasm.ValType{wasm.I32}})
	m.Functions[1] = 1
	m.Bodies[0].Code = []byte{0x41, recursion, 0x10, 1, 0x0b}
	m.Bodies[1].Code = []byte{0x20, 0, 0x45, 0x04, 0x40, 0x00, 0x05, 0x20, 0, 0x41, 1, 0x6b, 0x10, 1, 0x0b, 0x0b} // f(0) traps
	digest := d.Push(t, named(m.Encode(), 16*mib))
	before := residentMemory(t, d)
	for range 3 {
		status := d.Run(t, &reactorv1.WorkloadSpec{Module: digest})
		if frames := status.GetCrash().GetFrames(); len(frames) == 0 || !strings.HasPrefix(frames[0].GetFunction(), "ffff") {
			t.Fatalf("ended as %v: %.200q, at %.200q", status.GetState(), status.GetMessage(), fmt.Sprint(frames))
		}
		if n := proto.Size(status); n > 64<<10 {
			t.Errorf("the status has %d bytes", n)
		}
		cpu := status.GetUsage().GetCpuTime().AsDuration() // it was 2.6 s
		t.Logf("a trap takes %v of a worker", cpu)
		if figures && cpu > 500*time.Millisecond {
			t.Error("that is more than 500 ms")
		}
	}
	more := residentMemory(t, d) - before
	t.Logf("three traps take %d MiB", more>>20)
	if figures && more > 32*mib {
		t.Error("that is more than 32 MiB")
	}
}

// TestModulesThatSayTooMuch: what a module says of itself is bounded by bytes, not by how many.
func TestModulesThatSayTooMuch(t *testing.T) {
	d := testkit.Start(t, t.TempDir())
	before := residentMemory(t, d)
	values := slices.Repeat([]wasm.ValType{wasm.I32}, 1000)
	zeroes := slices.Concat(bytes.Repeat([]byte{0x41, 0}, len(values)), []byte{0x0b})
	wide := func(exports int) *wasm.Module {
		m := calling()
		m.Types = append(m.Types, wasm.FuncType{Params: values, Results: values})
		m.Functions = append(m.Functions, 1)
		m.Bodies = append(m.Bodies, wasm.Body{Code: zeroes})
		for i := range exports {
			m.Exports = append(m.Exports, wasm.Export{Name: strconv.Itoa(i), Index: 2})
		}
		return m
	}
	long := calling()
	long.Exports = append(long.Exports, wasm.Export{Name: strings.Repeat("x", 16*mib), Index: 1})
	foreign := calling()
	foreign.Imports = []wasm.Import{{Module: "env", Name: strings.Repeat("y", 1000)}}
	for name, tt := range map[string]struct {
		m    *wasm.Module
		code codes.Code
	}{
		"2,000 exports of a large type":   {wide(2_000), codes.ResourceExhausted},
		"120,000 exports of a large type": {wide(120_000), codes.ResourceExhausted},
		"an export with a long name":      {long, codes.ResourceExhausted},
		"an import that is not there":     {foreign, codes.InvalidArgument},
	} {
		_, err := d.TryPush(t.Context(), tt.m.Encode(), "")
		if status.Code(err) != tt.code {
			t.Errorf("%s: %v", name, err)
		}
		if text := err.Error(); len(text) > 1000 {
			t.Errorf("%s: an error of %d bytes", name, len(text))
		}
	}
	digest := d.Push(t, wide(100).Encode())
	for range 3 {
		got, err := d.Modules.GetModule(t.Context(), &reactorv1.GetModuleRequest{Module: digest})
		if err != nil || len(got.GetModule().GetExports()) != 101 {
			t.Errorf("%d exports, %v", len(got.GetModule().GetExports()), err)
		}
	}
	more := residentMemory(t, d) - before
	t.Logf("the daemon has %d MiB more", more>>20)
	if figures && more > 300*mib {
		t.Error("that is more than 300 MiB")
	}
}

// nestedLoops is a module of some kilobytes that takes the compiler long: loops in each other, and as many locals that
// the innermost uses; salt makes it another one, padding larger.
func nestedLoops(loops int, salt byte, padding int) []byte {
	code := bytes.Repeat([]byte{0x03, 0x40}, loops)
	for local := range loops {
		code = append(binary.AppendUvarint(append(code, 0x20), uint64(local)), 0x1a)
	}
	code = append(code, 0x41, 0, 0x0d, 0)
	code = append(code, bytes.Repeat([]byte{0x41, 0, 0x0d, 0, 0x0b}, loops)...)
	code = append(code, 0x41, salt&0x3f, 0x1a)
	m := calling(code...)
	m.Bodies[1].Locals = []wasm.LocalGroup{{Count: uint32(loops), Type: wasm.I32}}
	m.Memories = []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}}
	m.Data = []wasm.DataSegment{{Passive: true, Bytes: make([]byte, padding)}}
	return m.Encode()
}

// TestCompileBombs: modules that take the compiler as long as they may hold up neither a push of a small module nor the start
// of one that is compiled; and pushes that wait take no memory.
func TestCompileBombs(t *testing.T) {
	const bombs, padding = 3, 16 * mib
	d := testkit.Start(t, t.TempDir(), "--idle-modules=1", "--compilers=1")
	digest := d.Push(t, calling().Encode())
	d.Push(t, calling(0x01).Encode()) // takes the first's place in memory
	ctx, stop := context.WithCancel(t.Context())
	var pushes sync.WaitGroup
	var left atomic.Int32
	left.Store(bombs)
	for n := range bombs {
		pushes.Go(func() {
			defer left.Add(-1)
			if _, err := d.TryPush(ctx, nestedLoops(240, byte(n), padding), ""); err == nil {
				t.Error("a bomb was compiled")
			}
		})
	}
	defer pushes.Wait()
	defer stop()
	awaitCompilers(t, d, 1)
	beside := 0
	for n := range byte(5) {
		d.Push(t, calling(0x41, n, 0x1a).Encode())
		if status := d.Run(t, &reactorv1.WorkloadSpec{Module: digest}); status.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
			t.Errorf("ended as %v: %s", status.GetState(), status.GetMessage())
		}
		if left.Load() > 0 {
			beside++
		}
	}
	if beside == 0 { // one after the other the bombs take half a minute of a processor
		t.Error("a push and a start wait until all bombs are over")
	}
}

// compilersOf returns the processes of a daemon's compilers.
func compilersOf(t *testing.T, d *testkit.Daemon) (pids []int) {
	t.Helper()
	paths, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", d.PID))
	if err != nil || len(paths) == 0 {
		t.Skip("the system does not tell the children of a process")
	}
	for _, path := range paths {
		text, _ := os.ReadFile(path) // the thread may have ended
		for _, field := range strings.Fields(string(text)) {
			if pid, err := strconv.Atoi(field); err == nil {
				pids = append(pids, pid)
			}
		}
	}
	return pids
}

// awaitCompilers waits until that many modules are being compiled.
func awaitCompilers(t *testing.T, d *testkit.Daemon, n int) []int {
	t.Helper()
	for deadline := time.Now().Add(testkit.Patience); time.Now().Before(deadline); runtime.Gosched() {
		if pids := compilersOf(t, d); len(pids) >= n {
			return pids
		}
	}
	t.Fatal("nothing is being compiled")
	return nil
}

// TestKilledCompiler: a compiler that somebody kills says nothing about the module.
func TestKilledCompiler(t *testing.T) {
	dir := t.TempDir()
	d := testkit.Start(t, dir)
	var binary []byte
	for salt, killed := byte(0), false; !killed; salt++ {
		binary = nestedLoops(100, salt, 0)
		var err error
		killed, err = killCompiler(t, d, func() error {
			_, err := d.TryPush(t.Context(), binary, "")
			return err
		})
		if killed = killed && err != nil; killed && (status.Code(err) != codes.Unavailable || retryOf(err) <= 0) {
			t.Errorf("a push whose compiler was killed: %v", err)
		}
	}
	digest := d.Push(t, binary)

	// The same as after an upgrade: nothing is compiled, and the workload was acknowledged.
	for killed := false; !killed; {
		d.Stop()
		files, err := filepath.Glob(filepath.Join(dir, "cache", "*.code"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no compiled modules in %s", dir)
		}
		for _, file := range files {
			if err := os.Remove(file); err != nil {
				t.Fatal(err)
			}
		}
		d = testkit.Start(t, dir)
		id := d.Submit(t, &reactorv1.WorkloadSpec{Module: digest})
		killed, err = killCompiler(t, d, func() error {
			w, err := d.Workloads.WaitWorkload(t.Context(), &reactorv1.WaitWorkloadRequest{Id: id})
			if s := w.GetWorkload().GetStatus(); err == nil && s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
				err = fmt.Errorf("it ended as %v: %s", s.GetState(), s.GetMessage())
			}
			return err
		})
		if err != nil {
			t.Fatalf("a workload whose module's compiler was killed: %v", err)
		}
	}
	if s := d.Run(t, &reactorv1.WorkloadSpec{Module: digest}); s.GetState() != reactorv1.WorkloadState_WORKLOAD_STATE_SUCCEEDED {
		t.Errorf("afterwards it ends as %v: %s", s.GetState(), s.GetMessage())
	}
}

// killCompiler kills the compilers that it finds while work is done, once. It tells whether it found any, which a busy
// machine may not let it, and how the work ended.
func killCompiler(t *testing.T, d *testkit.Daemon, work func() error) (killed bool, err error) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- work() }()
	for !killed {
		for _, pid := range compilersOf(t, d) {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
		select {
		case err := <-done:
			return killed, err
		default:
			runtime.Gosched()
		}
	}
	return killed, <-done
}

// retryOf is when an error says that it may help to try again; 0: it does not.
func retryOf(err error) time.Duration {
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok {
			return info.GetRetryDelay().AsDuration()
		}
	}
	return 0
}

// TestPushesWaitOnDisk: modules whose bytes are all there wait for others to be taken apart, and are not in memory.
func TestPushesWaitOnDisk(t *testing.T) {
	long(t)
	const pushes, size = 12, 100 * mib
	d := testkit.Start(t, t.TempDir())
	before := residentMemory(t, d)
	var most atomic.Int64
	watch, stop := context.WithCancel(t.Context())
	var watching, pushing sync.WaitGroup
	watching.Go(func() {
		ticks := time.NewTicker(10 * time.Millisecond)
		defer ticks.Stop()
		for watch.Err() == nil {
			<-ticks.C
			most.Store(max(most.Load(), residentMemory(t, d)))
		}
	})
	for n := range pushes {
		pushing.Go(func() {
			custom := slices.Concat([]byte("\x01x"), []byte{byte(n)}, make([]byte, size))
			module := slices.Concat(calling().Encode(), []byte{0}, binary.AppendUvarint(nil, uint64(len(custom))), custom)
			if _, err := d.TryPush(t.Context(), module, ""); err != nil {
				t.Error(err)
			}
		})
	}
	pushing.Wait()
	stop()
	watching.Wait()
	if more := most.Load() - before; more > pushes*size*3/4 {
		t.Errorf("%d pushes of %d MiB take %d MiB", pushes, size>>20, more>>20)
	}
}
