package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/reactord/reactord/executor/engine/meter"
)

func TestLoadCompilesOnce(t *testing.T) {
	e := newEngine(t, Config{})
	binary := binaryOf(t, "guest")
	var reads atomic.Int32
	modules := make([]*Module, 20)
	var wg sync.WaitGroup
	for n := range modules {
		wg.Go(func() {
			m, err := e.Load(t.Context(), "one", func() ([]byte, error) {
				reads.Add(1)
				return binary, nil
			})
			if err != nil {
				t.Error(err)
				return
			}
			modules[n] = m
		})
	}
	wg.Wait()
	for _, m := range modules {
		if m != modules[0] {
			t.Error("two modules of one digest")
		}
		m.Release()
	}
	m, err := e.Load(t.Context(), "one", func() ([]byte, error) { return nil, errors.New("read of a module that is there") })
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
	if n := reads.Load(); n != 1 {
		t.Errorf("read %d times", n)
	}
}

func TestLoadFailsOnceOnly(t *testing.T) {
	e := newEngine(t, Config{})
	if _, err := e.Load(t.Context(), "d", func() ([]byte, error) { return nil, io.ErrUnexpectedEOF }); err != io.ErrUnexpectedEOF {
		t.Errorf("error %v", err)
	}
	if _, err := e.Load(t.Context(), "d", func() ([]byte, error) { panic("whoops") }); err == nil {
		t.Error("no error of a read that panicked")
	}
	load(t, e, "guest")
	m, err := e.Load(t.Context(), "d", func() ([]byte, error) { return binaryOf(t, "guest"), nil })
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
}

func TestIdleModulesAreEvicted(t *testing.T) {
	e := newEngine(t, Config{IdleModules: 2})
	reads := map[string]int{}
	touch := func(digest string) *Module {
		t.Helper()
		m, err := e.Load(t.Context(), digest, func() ([]byte, error) {
			reads[digest]++
			return binaryOf(t, "no_memory"), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	held := touch("held")
	for _, digest := range []string{"a", "b", "a", "c"} { // evicts b, the longest idle
		touch(digest).Release()
	}
	for _, digest := range []string{"a", "c", "held", "b"} {
		touch(digest).Release()
	}
	want := map[string]int{"held": 1, "a": 1, "b": 2, "c": 1}
	if fmt.Sprint(reads) != fmt.Sprint(want) {
		t.Errorf("reads %v, want %v", reads, want)
	}
	held.Release()
}

// TestModuleMemory: idle modules make room for others, modules in use do not. A module larger than the limit of all is
// refused, and a forgotten module is closed at once.
func TestModuleMemory(t *testing.T) {
	probe := newEngine(t, Config{})
	load(t, probe, "guest")
	size := probe.ModuleMemory()
	if size <= 0 {
		t.Fatalf("a module takes %d bytes", size)
	}
	e := newEngine(t, Config{ModuleBytes: 2*size + size/2})
	read := func() ([]byte, error) { return binaryOf(t, "guest"), nil }
	hold := func(digest string) (*Module, error) { return e.Load(t.Context(), digest, read) }
	var held []*Module
	for _, digest := range []string{"a", "b", "c", "d"} {
		m, err := hold(digest)
		if err != nil {
			t.Fatal(err)
		}
		if digest == "a" || digest == "b" {
			m.Release()
		} else {
			held = append(held, m)
		}
	}
	if n := e.CompiledModules(); n != 2 || e.ModuleMemory() != 2*size {
		t.Errorf("%d modules of %d bytes, want the two in use with %d", n, e.ModuleMemory(), 2*size)
	}
	_, err := hold("e")
	if transient, ok := errors.AsType[*TransientError](err); !ok || !errors.Is(transient, ErrModuleMemory) {
		t.Errorf("a module too many: %v", err)
	}
	e.Discard("c")
	held[0].Release()
	if n := e.CompiledModules(); n != 1 {
		t.Errorf("%d modules once one was forgotten", n)
	}
	held[1].Release()
	e.Discard("d")
	if e.CompiledModules() != 0 || e.ModuleMemory() != 0 {
		t.Errorf("%d modules of %d bytes once all were forgotten", e.CompiledModules(), e.ModuleMemory())
	}
	m, err := hold("e")
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
	if e.CompiledModules() != 1 {
		t.Error("what was not forgotten was not kept")
	}
	small := newEngine(t, Config{ModuleBytes: size / 2})
	_, err = small.Load(t.Context(), "guest", read)
	if refused, ok := errors.AsType[*meter.Error](err); !ok || refused.Kind != meter.TooLarge {
		t.Errorf("a module larger than the bound: %v", err)
	}
}

// TestInstanceOutlivesItsModule: an instance holds its module, however many others come and go.
func TestInstanceOutlivesItsModule(t *testing.T) {
	e := newEngine(t, Config{IdleModules: 1})
	m, err := e.Load(t.Context(), "first", func() ([]byte, error) { return binaryOf(t, "guest"), nil })
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, m, &guest{call: func(*guest, uint32) uint32 { return 5 }}, InstanceConfig{})
	m.Release()
	for _, name := range []string{"no_memory", "traps", "empty"} {
		other, err := e.Load(t.Context(), name, func() ([]byte, error) { return binaryOf(t, name), nil })
		if err != nil {
			t.Fatal(err)
		}
		other.Release()
	}
	if got := call(t, i, "call", 1); got != 5 {
		t.Errorf("got %d", got)
	}
	if e.modules.byDigest["first"] != m {
		t.Error("the module of a living instance was evicted")
	}
}

// TestQueue: a module waits for a loader, and can be released without being loaded only while it waits.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openEngine(t, Config{Compilers: 1})
		finish := make(chan struct{})
		loaded := make(chan error, minLoaders)
		running := make(chan struct{})
		for n := range minLoaders {
			var once sync.Once
			go func() {
				m, err := e.Load(t.Context(), fmt.Sprint("slow", n), func() ([]byte, error) {
					once.Do(func() { running <- struct{}{} })
					<-finish
					return binaryOf(t, "empty"), nil
				})
				if err == nil {
					m.Release()
				}
				loaded <- err
			}()
			<-running
		}

		ctx, cancel := context.WithCancelCause(t.Context())
		given := make(chan error, 1)
		go func() {
			_, err := e.Load(ctx, "queued", func() ([]byte, error) {
				t.Error("read of a module that nobody waits for")
				return nil, nil
			})
			given <- err
		}()
		synctest.Wait()
		cancel(io.ErrNoProgress)
		if err := <-given; err != io.ErrNoProgress {
			t.Errorf("given up: %v", err)
		}

		// A module that is being loaded continues without its waiter, and its result is kept.
		impatient, stop := context.WithCancel(t.Context())
		go func() {
			_, err := e.Load(impatient, "slow0", nil)
			given <- err
		}()
		synctest.Wait()
		stop()
		if err := <-given; err != context.Canceled {
			t.Errorf("impatient: %v", err)
		}
		close(finish)
		for range minLoaders {
			if err := <-loaded; err != nil {
				t.Error(err)
			}
		}
		m, err := e.Load(t.Context(), "slow0", nil)
		if err != nil {
			t.Fatal(err)
		}
		m.Release()
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestGivenUpBeforeItIsCompiled: a module that is released after it was decoded is not compiled.
func TestGivenUpBeforeItIsCompiled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openEngine(t, Config{})
		ctx, cancel := context.WithCancel(t.Context())
		reads, running, finish := 0, make(chan struct{}), make(chan struct{})
		given := make(chan error, 1)
		go func() {
			_, err := e.Load(ctx, "module", func() ([]byte, error) {
				reads++
				close(running)
				<-finish
				return binaryOf(t, "empty"), nil
			})
			given <- err
		}()
		<-running
		cancel()
		if err := <-given; err != context.Canceled {
			t.Errorf("given up: %v", err)
		}
		close(finish)
		synctest.Wait()
		if n := e.CompiledModules(); n != 0 || reads != 1 {
			t.Errorf("%d modules, read %d times", n, reads)
		}
		if err := e.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestModulesAreMeteredOnce: a large module is read and metered once if a compiler is free, and takes no memory while it
// waits for one.
func TestModulesAreMeteredOnce(t *testing.T) {
	padding := "\x00\x80\x80\x80\x01\x00" + strings.Repeat("x", 2<<20-1) // a custom section
	binary := append(binaryOf(t, "empty"), padding...)
	for _, compilers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d compilers", compilers), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := openEngine(t, Config{Compilers: compilers})
				if !e.compilers.acquire(t.Context(), 0, 0, nil) {
					t.Fatal("there is no compiler")
				}
				reads := 0
				loaded := make(chan error, 1)
				go func() {
					m, err := e.Load(t.Context(), "large", func() ([]byte, error) { reads++; return binary, nil })
					if err == nil {
						m.Release()
					}
					loaded <- err
				}()
				synctest.Wait()
				e.compilers.release(0)
				if err := <-loaded; err != nil {
					t.Fatal(err)
				}
				if want := 3 - compilers; reads != want {
					t.Errorf("with %d of %d compilers busy it is read %d times, want %d", 1, compilers, reads, want)
				}
				if err := e.Close(t.Context()); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// TestLoadIf: a module that is not accepted is neither compiled nor kept in the table.
func TestLoadIf(t *testing.T) {
	e := newEngine(t, Config{})
	reads := 0
	read := func() ([]byte, error) { reads++; return binaryOf(t, "guest"), nil }
	if _, err := e.LoadIf(t.Context(), "d", read, func(*meter.Info) error { return io.ErrShortWrite }); err != io.ErrShortWrite {
		t.Errorf("error %v", err)
	}
	if reads != 1 || e.CompiledModules() != 0 {
		t.Errorf("read %d times, %d modules", reads, e.CompiledModules())
	}
	m, err := e.LoadIf(t.Context(), "d", read, func(info *meter.Info) error {
		if !info.HasMemory {
			t.Error("accept is not told of the module")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	m.Release()
}

func TestClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := openEngine(t, Config{Compilers: 1})
		running, finish := make(chan struct{}), make(chan struct{})
		results := make(chan error, minLoaders+1)
		load := func(digest string, read func() ([]byte, error)) {
			m, err := e.Load(t.Context(), digest, read)
			if err == nil {
				m.Release()
			}
			results <- err
		}
		for n := range minLoaders {
			go load(fmt.Sprint("running", n), func() ([]byte, error) {
				running <- struct{}{}
				<-finish
				return binaryOf(t, "empty"), nil
			})
			<-running
		}
		go load("queued", func() ([]byte, error) { return nil, errors.New("read after Close") })
		synctest.Wait()

		closed := make(chan error, 1)
		go func() { closed <- e.Close(t.Context()) }()
		if err := <-results; err != ErrClosed {
			t.Errorf("queued: %v", err)
		}
		close(finish)
		for range minLoaders { // what is left to do of them is not done
			if err := <-results; err != ErrClosed {
				t.Errorf("running: %v", err)
			}
		}
		if err := <-closed; err != nil {
			t.Errorf("Close: %v", err)
		}
		if _, err := e.Load(t.Context(), "late", nil); err != ErrClosed {
			t.Errorf("late: %v", err)
		}
	})
}

func TestCloseIsRefusedWhileInstancesLive(t *testing.T) {
	e := openEngine(t, Config{})
	m, err := e.Load(t.Context(), "guest", func() ([]byte, error) { return binaryOf(t, "guest"), nil })
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, m, &guest{}, InstanceConfig{})
	if err := e.Close(t.Context()); err == nil {
		t.Fatal("the engine closed under an instance")
	}
	call(t, i, "next")
	i.Close()
	m.Release()
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestConfig(t *testing.T) {
	_, err := New(t.Context(), Config{CacheBytes: -1, Compilers: -2, IdleModules: -3, ModuleBytes: -5, MemoryBytes: -4})
	want := "CacheBytes is negative: -1\nCompilers is negative: -2\nIdleModules is negative: -3\nModuleBytes is negative: -5\nMemoryBytes is negative: -4"
	if err == nil || err.Error() != want {
		t.Errorf("error %v", err)
	}
}

// TestConcurrentGuests runs instances of one module on many goroutines.
func TestConcurrentGuests(t *testing.T) {
	e := newEngine(t, Config{})
	m := load(t, e, "guest")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for n := range uint64(50) {
				g := &guest{quantum: 1000, call: func(*guest, uint32) uint32 { return 0 }}
				i, err := m.Instantiate(InstanceConfig{Host: g, MemoryBytes: 40 * page})
				if err != nil {
					t.Error(err)
					return
				}
				for _, step := range []struct {
					export string
					arg    uint64
					want   uint64
				}{{"count", 1000 + n, 1000 + n}, {"recurse", n * 10, n * 10}, {"grow", 3, 1}} {
					if got, err := i.Call(step.export, step.arg); err != nil || got[0] != step.want {
						t.Errorf("%s(%d) = %v, %v", step.export, step.arg, got, err)
					}
				}
				i.Close()
			}
		})
	}
	wg.Wait()
	if used := e.MemoryUsed(); used != 0 {
		t.Errorf("%d bytes still used", used)
	}
}

// TestDiscardDeletesCode, also if the module is being compiled.
func TestDiscardDeletesCode(t *testing.T) {
	e := openEngine(t, Config{CacheDir: t.TempDir()})
	load := func(read func() ([]byte, error)) *Module {
		t.Helper()
		m, err := e.Load(t.Context(), "guest", read)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	read := func() ([]byte, error) { return binaryOf(t, "guest"), nil }
	load(read).Release()
	size := e.CodeBytes("guest")
	if size == 0 || !slices.Equal(e.CodeModules(), []string{"guest"}) {
		t.Fatalf("%d bytes of code, of %q", size, e.CodeModules())
	}
	if freed := e.Discard("guest"); freed != size || e.CodeBytes("guest") != 0 || e.CompiledModules() != 0 {
		t.Errorf("%d bytes of %d are freed, %d modules are in memory", freed, size, e.CompiledModules())
	}
	m := load(func() ([]byte, error) { e.Discard("guest"); return read() })
	m.Release()
	if n := e.CodeBytes("guest"); n != 0 || e.CompiledModules() != 0 {
		t.Errorf("discarded while it was compiled: %d bytes of code, %d modules in memory", n, e.CompiledModules())
	}
	load(read).Release()
	if e.CodeBytes("guest") != size {
		t.Error("what is loaded again has no code on disk")
	}
	if err := e.Close(t.Context()); err != nil {
		t.Error(err)
	}
}
