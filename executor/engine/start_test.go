package engine

import (
	"errors"
	"io"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// zeroOffset is the offset of a segment at the beginning.
var zeroOffset = wasm.Expr{Code: []byte{0x41, 0, 0x0b}}

// loadModule loads a module that is made by the test.
func loadModule(t testing.TB, e *Engine, m *wasm.Module) *Module {
	t.Helper()
	return loadBytes(t, e, t.Name(), m.Encode())
}

// withData is a module with that many bytes of data, and a page more of memory.
func withData(bytes int) *wasm.Module {
	data := make([]byte, bytes)
	for i := range data {
		data[i] = byte(i>>12) | 1
	}
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: uint32(bytes/int(page)) + 1}}},
		Exports:   []wasm.Export{{Name: "load"}},
		Data:      []wasm.DataSegment{{Offset: zeroOffset, Bytes: data}},
		Bodies:    []wasm.Body{{Code: []byte{0x20, 0, 0x2d, 0, 0, 0x0b}}},
	}
}

// TestDataIsWrittenInPieces: writing a module's data is work of the guest, which is charged, preempted and cancelled like
// its code.
func TestDataIsWrittenInPieces(t *testing.T) {
	const size = 8 << 20
	m := loadModule(t, newEngine(t, Config{}), withData(size))
	g := &guest{quantum: 50_000}
	i := start(t, m, g, InstanceConfig{})
	if turns := size / dataPiece / 2; g.preempts < turns-1 || g.preempts > turns+1 { // two pieces each
		t.Errorf("preempted %d times, want %d", g.preempts, turns)
	}
	for _, at := range []uint64{0, 12345, dataPiece - 1, dataPiece, size - 1} {
		if got := call(t, i, "load", at); got != (at>>12|1)&0xff {
			t.Errorf("at %d is %d", at, got)
		}
	}
	if got := call(t, i, "load", size); got != 0 {
		t.Errorf("after the data is %d", got)
	}

	i = cancelledInStart(t, m, 50_000)
	if b, _ := i.Memory().Read(size/2, 1); b[0] != 0 {
		t.Error("all was written")
	}
}

// cancelledInStart starts an instance that is cancelled when it has been preempted for the third time.
func cancelledInStart(t *testing.T, m *Module, quantum int64) *Instance {
	t.Helper()
	g := &guest{quantum: quantum}
	g.preempt = func() error {
		if g.preempts == 3 {
			return io.ErrNoProgress
		}
		return nil
	}
	i, err := m.Instantiate(InstanceConfig{Host: g})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(i.Close)
	if err := i.Start(); err != io.ErrNoProgress {
		t.Errorf("ended as %v", err)
	}
	if _, err := i.Call("any", 0); err != errEnded {
		t.Errorf("a call after that: %v", err)
	}
	return i
}

// TestStartFunctionOfALargeFrame: the frame of a start function is set before it is called.
func TestStartFunctionOfALargeFrame(t *testing.T) {
	const locals = 20_000
	module, err := wasm.Decode(unoptimized(locals, 2000, 40), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	begin := uint32(len(module.Functions))
	module.Start = &begin
	module.Types = append(module.Types, wasm.FuncType{})
	module.Functions = append(module.Functions, 1)
	module.Bodies = append(module.Bodies, wasm.Body{Code: []byte{0x41, 5, 0x10, 1, 0x1a, 0x0b}}) // down(5)
	start(t, loadModule(t, newEngine(t, Config{}), module), &guest{}, InstanceConfig{StackBytes: locals})
}

// TestManySegmentsAreCharged: segments cost something even if they are empty.
func TestManySegmentsAreCharged(t *testing.T) {
	module := withData(1)
	for range 90_000 {
		module.Data = append(module.Data, wasm.DataSegment{Offset: zeroOffset})
	}
	g := &guest{quantum: 50_000}
	start(t, loadModule(t, newEngine(t, Config{}), module), g, InstanceConfig{})
	if g.preempts < 50 {
		t.Errorf("preempted %d times", g.preempts)
	}
}

// TestSegmentsOutOfBounds: a segment out of bounds ends the guest before its start function, with the trap of the
// specification.
func TestSegmentsOutOfBounds(t *testing.T) {
	e := newEngine(t, Config{})
	elements := loadModule(t, e, &wasm.Module{
		Types:     []wasm.FuncType{{}},
		Functions: []uint32{0},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 1}}},
		Start:     new(uint32),
		Elements:  []wasm.Element{{Offset: zeroOffset, Funcs: []uint32{0, 0}}},
		Bodies:    []wasm.Body{{Code: []byte{0x00, 0x0b}}},
	})
	for m, want := range map[*Module]TrapCode{load(t, e, "data_bounds"): MemoryOutOfBounds, elements: InvalidTableAccess} {
		i, err := m.Instantiate(InstanceConfig{Host: &guest{}})
		if err != nil {
			t.Fatal(err)
		}
		if trap, ok := errors.AsType[*Trap](i.Start()); !ok || trap.Code != want {
			t.Errorf("%v, want %v", trap, want)
		}
		i.Close()
	}
}

// manyElements is a module with n active elements.
func manyElements(n int) *wasm.Module {
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0},
		Exports:   []wasm.Export{{Name: "same"}},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: uint32(n)}}},
		Elements:  []wasm.Element{{Offset: zeroOffset, Funcs: make([]uint32, n)}},
		Bodies:    []wasm.Body{{Code: []byte{0x20, 0, 0x0b}}},
	}
}

// TestOffload: an instance that takes wazero long to make is made by Offload, and is discarded if nobody waits for it.
func TestOffload(t *testing.T) {
	e := newEngine(t, Config{})
	globals := manyElements(0)
	for range 20_000 {
		globals.Globals = append(globals.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: zeroOffset})
	}
	small, large := load(t, e, "guest"), loadModule(t, e, globals)

	offloaded := 0
	config := InstanceConfig{Offload: func(job, _ func()) error {
		offloaded++
		done := make(chan struct{})
		go func() { defer close(done); job() }()
		<-done
		return nil
	}}
	start(t, small, &guest{}, config)
	if offloaded != 0 {
		t.Error("a small module was")
	}
	if got := call(t, start(t, large, &guest{}, config), "same", 5); got != 5 || offloaded != 1 {
		t.Errorf("got %d, offloaded %d times", got, offloaded)
	}

	for name, before := range map[string]bool{"cancelled before": false, "cancelled in the midst": true} {
		used := e.MemoryUsed()
		var job, discard func()
		g := &guest{}
		_, err := large.Instantiate(InstanceConfig{Host: g, Offload: func(run, drop func()) error {
			job, discard = run, drop
			if before {
				job()
			}
			return io.ErrNoProgress
		}})
		if err != io.ErrNoProgress || g.Instance() != nil {
			t.Errorf("%s: %v, bound to %v", name, err, g.Instance())
		}
		if e.MemoryUsed() == used {
			t.Errorf("%s: it is not counted any more, though it is there", name)
		}
		if !before {
			job()
		}
		discard()
		if e.MemoryUsed() != used {
			t.Errorf("%s: %d bytes are left", name, e.MemoryUsed()-used)
		}
	}
}

// TestImportsAreCounted: an instance has a record of each import.
func TestImportsAreCounted(t *testing.T) {
	m := &wasm.Module{Types: []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}}}
	for range 9_999 {
		m.Imports = append(m.Imports, wasm.Import{Module: "test", Name: "call"})
	}
	e := newEngine(t, Config{})
	module := loadModule(t, e, m)
	const instances = 20
	before := heapBytes()
	for range instances {
		start(t, module, &guest{}, InstanceConfig{})
	}
	took, counted := (heapBytes()-before)/instances, e.MemoryUsed()/instances
	t.Logf("an instance takes %d KiB, %d are counted", took>>10, counted>>10)
	if took > counted*3/2 {
		t.Errorf("an instance takes %d KiB, %d are counted", took>>10, counted>>10)
	}
}

// BenchmarkStart measures starts of modules with different initial contents.
func BenchmarkStart(b *testing.B) {
	for name, module := range map[string]*wasm.Module{
		"nothing": withData(0), "data/32KiB": withData(32 << 10), "data/1MiB": withData(1 << 20), "data/60MiB": withData(60 << 20),
		"elements/2": manyElements(2), "elements/1000": manyElements(1_000), "elements/100000": manyElements(100_000),
	} {
		b.Run(name, func(b *testing.B) {
			m := loadModule(b, newEngine(b, Config{}), module)
			for b.Loop() {
				g := &guest{quantum: testQuantum}
				i, err := m.Instantiate(InstanceConfig{Host: g})
				if err != nil {
					b.Fatal(err)
				}
				i.Refill(testQuantum)
				if err := i.Start(); err != nil {
					b.Fatal(err)
				}
				i.Close()
			}
		})
	}
}
