package engine

import (
	"runtime"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// heapBytes returns the bytes of the heap in use.
func heapBytes() int64 {
	for range 2 { // what a finalizer releases is garbage only after the first
		finalized := make(chan struct{})
		runtime.SetFinalizer(new([16]byte), func(*[16]byte) { close(finalized) })
		runtime.GC()
		<-finalized // finalizers run one after the other
	}
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return int64(stats.HeapAlloc)
}

// TestFootprint: the estimate for a module is about what it takes on the heap, whichever of its parts is large.
func TestFootprint(t *testing.T) {
	if raceDetector {
		t.Skip("the race detector takes memory of its own")
	}
	many := func(n int, item func(i int) wasm.Body) (m wasm.Module) {
		m.Types = []wasm.FuncType{{}}
		for i := range n {
			m.Functions = append(m.Functions, 0)
			m.Bodies = append(m.Bodies, item(i))
		}
		return m
	}
	empty := func(int) wasm.Body { return wasm.Body{Code: []byte{0x0b}} }
	values := slices.Repeat([]wasm.ValType{wasm.I32}, 900)
	for _, tt := range []struct {
		name string
		make func() wasm.Module
	}{
		{"functions", func() wasm.Module { return many(100_000, empty) }},
		{"locals", func() wasm.Module {
			return many(200, func(int) wasm.Body {
				return wasm.Body{Code: []byte{0x0b}, Locals: []wasm.LocalGroup{{Count: 5_000, Type: wasm.I32}}}
			})
		}},
		{"types", func() wasm.Module {
			m := many(6_000, empty)
			for i := range m.Functions {
				var params []wasm.ValType
				for bit := range 15 {
					params = append(params, []wasm.ValType{wasm.I32, wasm.I64}[i>>bit&1])
				}
				m.Types = append(m.Types, wasm.FuncType{Params: params})
				m.Functions[i] = uint32(i + 1)
			}
			return m
		}},
		{"large types", func() wasm.Module {
			m := many(100, empty)
			for i := range m.Functions {
				m.Types = append(m.Types, wasm.FuncType{Params: append(slices.Repeat([]wasm.ValType{wasm.I64}, i), values...)})
				m.Functions[i] = uint32(i + 1)
			}
			return m
		}},
		{"elements", func() wasm.Module {
			m := many(1, empty)
			m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 200_000}}}
			m.Elements = []wasm.Element{{Offset: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}, Funcs: make([]uint32, 200_000)}}
			return m
		}},
		{"globals", func() wasm.Module {
			m := many(1, empty)
			for range 50_000 {
				m.Globals = append(m.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}})
			}
			return m
		}},
		{"data", func() wasm.Module {
			m := many(1, empty)
			m.Memories = []wasm.MemoryType{{Size: wasm.Bounds{Min: 200}}}
			m.Data = []wasm.DataSegment{{Offset: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}, Bytes: make([]byte, 8<<20)}}
			return m
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			made := tt.make()
			binary := made.Encode()
			e := newEngine(t, Config{})
			m, err := e.Load(t.Context(), "warm", func() ([]byte, error) { return binaryOf(t, "empty"), nil })
			if err != nil {
				t.Fatal(err)
			}
			m.Release()
			before, counted := heapBytes(), e.ModuleMemory()
			m, err = e.Load(t.Context(), "module", func() ([]byte, error) { return binary, nil })
			if err != nil {
				t.Fatal(err)
			}
			counted = e.ModuleMemory() - counted - guessedCode(m.Info())
			took := heapBytes() - before + e.ImageBytes()
			runtime.KeepAlive(binary)
			t.Logf("takes %d KiB, %d are counted", took>>10, counted>>10)
			if took > counted*3/2 || counted > took*4 {
				t.Errorf("the module takes %d KiB, and %d are counted", took>>10, counted>>10)
			}
			m.Release()
		})
	}
}
