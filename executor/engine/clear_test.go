package engine

import (
	"errors"
	"fmt"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// withFill is a module that fills n bytes at an address with a value, rounds times over: fill(address, n, value, rounds).
func withFill(pages uint32) *wasm.Module {
	var code wasm.Code
	code.Begin(wasm.OpLoop)
	for _, local := range []uint32{0, 2, 1} {
		code.Index(wasm.OpLocalGet, local)
	}
	code.Op(wasm.OpMemoryFill)
	code.Raw(0)
	code.Index(wasm.OpLocalGet, 3)
	code.I32Const(1)
	code.Op(wasm.OpI32Sub)
	code.Index(wasm.OpLocalTee, 3)
	code.Index(wasm.OpBrIf, 0)
	code.Op(wasm.OpEnd)
	code.Index(wasm.OpLocalGet, 0)
	code.Op(wasm.OpEnd)
	i32 := wasm.I32
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{i32, i32, i32, i32}, Results: []wasm.ValType{i32}}},
		Functions: []uint32{0},
		Exports:   []wasm.Export{{Name: "fill"}},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: pages}}},
		Bodies:    []wasm.Body{{Code: code}},
	}
}

// TestClearIsPreempted: a guest that clears much memory gives others their turn, pays the same whether it used the memory or
// not, and ends when it is told to.
func TestClearIsPreempted(t *testing.T) {
	const size, quantum = 256 << 20, 1 << 20
	m := loadModule(t, newEngine(t, Config{}), withFill(size>>16))
	clearAll := func(value uint64) (fuel int64, preempts int) {
		g := &guest{quantum: quantum}
		i := start(t, m, g, InstanceConfig{})
		call(t, i, "fill", 0, 100<<10, value, 1)
		g.preempts, g.preempt = 0, func() error {
			fuel += i.Burnt()
			return nil
		}
		i.Refill(quantum)
		call(t, i, "fill", 0, size, 0, 1)
		return fuel + i.Burnt(), g.preempts
	}
	fuel, preempts := clearAll(0)
	if fuel < size/meter.ClearedPerUnit || preempts < int(fuel/quantum*3/4) {
		t.Errorf("it pays %d and is preempted %d times", fuel, preempts)
	}
	if touched, _ := clearAll(1); touched != fuel {
		t.Errorf("it pays %d for memory that it has used, %d for other", touched, fuel)
	}
	cancelled := errors.New("cancelled")
	g := &guest{quantum: quantum}
	g.preempt = func() error {
		if g.preempts == 5 {
			return cancelled
		}
		return nil
	}
	i := start(t, m, g, InstanceConfig{})
	if _, err := i.Call("fill", 0, size, 0, 1); !errors.Is(err, cancelled) || g.preempts != 5 {
		t.Errorf("%v after it was preempted %d times", err, g.preempts)
	}
}

// TestClearOutOfBounds: a fill that ends behind the memory writes nothing.
func TestClearOutOfBounds(t *testing.T) {
	m := loadModule(t, newEngine(t, Config{}), withFill(2))
	for _, tt := range []struct {
		at, n, value uint64
		fits         bool
	}{
		{128<<10 - 40_000, 40_000, 0, true}, {128<<10 - 40_000, 40_000, 0x100, true}, {128<<10 - 40_000, 40_001, 0, false},
		{1<<32 - 40_000, 40_000, 0, false}, {1, 1<<32 - 1, 0, false}, {128 << 10, 40_000, 0, false},
	} {
		i := start(t, m, &guest{quantum: 1 << 40}, InstanceConfig{})
		call(t, i, "fill", 0, 128<<10, 1, 1)
		_, err := i.Call("fill", tt.at, tt.n, tt.value, 1)
		last, _ := i.Memory().ReadByte(128<<10 - 1)
		trap, _ := errors.AsType[*Trap](err)
		if tt.fits && (err != nil || last != 0) || !tt.fits && (trap == nil || trap.Code != MemoryOutOfBounds || last != 1) {
			t.Errorf("%d bytes at %d: %v, the last byte is %d", tt.n, tt.at, err, last)
		}
	}
}

// BenchmarkClear compares clearing a buffer in use with filling it, which the guest does itself.
func BenchmarkClear(b *testing.B) {
	m := loadModule(b, newEngine(b, Config{}), withFill(64))
	for _, kib := range []uint64{33, 64, 256, 1024} {
		for _, value := range []uint64{1, 0} {
			b.Run(fmt.Sprintf("KiB=%d/value=%d", kib, value), func(b *testing.B) {
				i := start(b, m, &guest{quantum: 1 << 40}, InstanceConfig{})
				call(b, i, "fill", 1000, kib<<10, 1, 1)
				b.SetBytes(int64(kib << 10))
				for b.Loop() {
					call(b, i, "fill", 1000, kib<<10, value, 1)
				}
			})
		}
	}
}
