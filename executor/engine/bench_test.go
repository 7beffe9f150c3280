package engine

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/imports/wasi_snapshot_preview1"
)

// BenchmarkInstantiate measures the time from a compiled module to the first host call of an instance, and the Go heap
// that the instance takes there.
func BenchmarkInstantiate(b *testing.B) {
	e := newEngine(b, Config{})
	m := load(b, e, "guest")
	var first time.Time
	answer := func(*guest, uint32) uint32 {
		first = time.Now()
		return 0
	}
	open := func() *Instance {
		g := &guest{quantum: testQuantum, call: answer}
		i, err := m.Instantiate(InstanceConfig{Host: g, MemoryBytes: 64 << 20})
		if err != nil {
			b.Fatal(err)
		}
		i.Refill(testQuantum)
		if err := i.Start(); err != nil {
			b.Fatal(err)
		}
		call(b, i, "call", 0)
		return i
	}
	var took []time.Duration
	b.ReportAllocs()
	for b.Loop() {
		begin := time.Now()
		i := open()
		took = append(took, first.Sub(begin))
		i.Close()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2]), "p50-ns")
	b.ReportMetric(float64(took[len(took)*99/100]), "p99-ns")

	heap := func() int64 {
		runtime.GC()
		var stats runtime.MemStats
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	open().Close()
	before := heap()
	instances := make([]*Instance, 2000)
	for n := range instances {
		instances[n] = open()
	}
	b.ReportMetric(float64(heap()-before)/float64(len(instances)), "heap-B/instance")
	for _, i := range instances {
		i.Close()
	}
}

func BenchmarkCall(b *testing.B) {
	e := newEngine(b, Config{})
	i := start(b, load(b, e, "guest"), &guest{call: func(*guest, uint32) uint32 { return 0 }}, InstanceConfig{})
	b.ReportAllocs()
	for b.Loop() {
		call(b, i, "call", 0)
	}
}

// BenchmarkAbort measures the end of a program by Abort, as proc_exit ends it.
func BenchmarkAbort(b *testing.B) {
	e := newEngine(b, Config{})
	i := start(b, load(b, e, "guest"), &guest{call: func(*guest, uint32) uint32 {
		Abort(io.EOF)
		return 0
	}}, InstanceConfig{})
	for b.Loop() {
		if _, err := i.Call("call", 0); err != io.EOF {
			b.Fatal(err)
		}
		i.ended = false
	}
}

func BenchmarkRefill(b *testing.B) {
	e := newEngine(b, Config{})
	i := start(b, load(b, e, "guest"), &guest{}, InstanceConfig{})
	var burnt int64
	for b.Loop() {
		i.Refill(testQuantum)
		burnt += i.Burnt()
	}
}

// BenchmarkLoad measures loading a Go program of some megabytes: by compiling it, and from disk.
func BenchmarkLoad(b *testing.B) {
	source := filepath.Join(b.TempDir(), "main.go")
	program := "package main\nimport \"fmt\"\nfunc main() { fmt.Println(1) }\n"
	if err := os.WriteFile(source, []byte(program), 0o600); err != nil {
		b.Fatal(err)
	}
	out := filepath.Join(b.TempDir(), "main.wasm")
	build := exec.Command("go", "build", "-o", out, source)
	build.Env = append(os.Environ(), "GOOS=wasip1", "GOARCH=wasm")
	if text, err := build.CombinedOutput(); err != nil {
		b.Skipf("%v: %s", err, text)
	}
	binary, err := os.ReadFile(out)
	if err != nil {
		b.Fatal(err)
	}
	load := func(b *testing.B, dir string) {
		e := openEngine(b, Config{CacheDir: dir})
		defineWASI(b, e)
		m, err := e.Load(b.Context(), "d", func() ([]byte, error) { return binary, nil })
		if err != nil {
			b.Fatal(err)
		}
		m.Release()
		if err := e.Close(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
	b.Run("without cache", func(b *testing.B) {
		for b.Loop() {
			load(b, "")
		}
	})
	b.Run("empty cache", func(b *testing.B) {
		for b.Loop() {
			load(b, b.TempDir())
		}
	})
	b.Run("cached", func(b *testing.B) {
		dir := b.TempDir()
		load(b, dir)
		for b.Loop() {
			load(b, dir)
		}
	})
}

// defineWASI lets programs link that are loaded and not run.
func defineWASI(b *testing.B, e *Engine) {
	if err := e.AddHost(b.Context(), func(ctx context.Context, r wazero.Runtime) error {
		_, err := wasi_snapshot_preview1.Instantiate(ctx, r)
		return err
	}); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkStackOverflow measures the end of a guest with endless recursion, for several stack limits.
func BenchmarkStackOverflow(b *testing.B) {
	e := newEngine(b, Config{})
	m := load(b, e, "guest")
	for _, stack := range []int64{1 << 20, 8 << 20, 64 << 20} {
		var burnt int64
		b.Run(strconv.FormatInt(stack>>20, 10)+"MiB", func(b *testing.B) {
			for b.Loop() {
				g := &guest{quantum: 1 << 40, call: func(*guest, uint32) uint32 { return 0 }}
				i := start(b, m, g, InstanceConfig{StackBytes: stack})
				if _, err := i.Call("recurse", 1<<30); err == nil {
					b.Fatal("there is no end to the stack")
				}
				burnt = i.Burnt()
				i.Close()
			}
			b.ReportMetric(float64(burnt)*float64(b.N)/float64(b.Elapsed().Microseconds()), "fuel/us")
		})
	}
}

// BenchmarkGroup measures a group of two linked instances: a start with its end, and calls. A call of through calls another
// instance by a table.
func BenchmarkGroup(b *testing.B) {
	e := newEngine(b, Config{})
	owner, user, host := loadLinked(b, e, "group_owner", nil), loadLinked(b, e, "group_user", userLinking), hostCall(b, e)
	open := func() pair {
		g := &guest{quantum: testQuantum, call: func(*guest, uint32) uint32 { return 0 }}
		group, err := e.NewGroup(InstanceConfig{Host: g, MemoryBytes: 64 << 20})
		if err != nil {
			b.Fatal(err)
		}
		group.Refill(testQuantum)
		p := pair{group: group}
		p.owner = mustInstantiate(b, group, owner)
		p.user = mustInstantiate(b, group, user, p.owner, host)
		return p
	}
	b.Run("start", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			open().group.Close()
		}
	})
	for _, call := range []struct {
		name, export string
		args         []uint64
	}{{"call", "twice", []uint64{1}}, {"through", "through", []uint64{1, 1}}, {"host", "through", []uint64{2, 1}}} {
		b.Run(call.name, func(b *testing.B) {
			p := open()
			defer p.group.Close()
			f, stack := p.owner.Function(call.export), make([]uint64, 2)
			b.ReportAllocs()
			for b.Loop() {
				copy(stack, call.args)
				if err := f.Call(stack); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("memory", func(b *testing.B) {
		open().group.Close()
		const n = 2000
		before := heapBytes()
		pairs := make([]pair, n)
		for i := range pairs {
			pairs[i] = open()
		}
		b.ReportMetric(float64(heapBytes()-before)/n, "heap-B/group")
		b.ReportMetric(0, "ns/op")
		for _, p := range pairs {
			p.group.Close()
		}
	})
}
