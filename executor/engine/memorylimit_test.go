package engine

import (
	"errors"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// growing is a module with two exports: grow grows its memory by the argument and returns the result of memory.grow;
// size returns the memory's size.
func growing(size wasm.Bounds) *wasm.Module {
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0, 0},
		Memories:  []wasm.MemoryType{{Size: size}},
		Exports:   []wasm.Export{{Name: "grow"}, {Name: "size", Index: 1}},
		Bodies:    []wasm.Body{{Code: []byte{0x20, 0, 0x40, 0, 0x0b}}, {Code: []byte{0x3f, 0, 0x0b}}},
	}
}

// TestLargestMemory: a memory has at most a page less than 4 GiB, whether it declares a higher maximum or none. With the
// last page wazero would take it for empty.
func TestLargestMemory(t *testing.T) {
	for name, size := range map[string]wasm.Bounds{"no maximum": {Min: 1}, "maximum": {Min: 1, Max: 1 << 16, HasMax: true}} {
		t.Run(name, func(t *testing.T) {
			m := loadModule(t, newEngine(t, Config{MemoryBytes: 8 << 30}), growing(size))
			g := &guest{quantum: testQuantum}
			i, err := m.Instantiate(InstanceConfig{Host: g, MemoryBytes: 6 << 30})
			if err != nil {
				t.Fatal(err)
			}
			defer i.Close()
			i.Refill(testQuantum)
			for _, step := range []struct {
				export string
				by     uint32
				want   uint32
			}{
				{"grow", 1<<16 - 1, 1<<32 - 1}, {"size", 0, 1}, {"grow", 1<<16 - 2, 1}, {"size", 0, wasm.MaxPages}, {"grow", 1, 1<<32 - 1}, {"size", 0, wasm.MaxPages},
			} {
				results, err := i.Call(step.export, uint64(step.by))
				if err != nil || uint32(results[0]) != step.want {
					t.Errorf("%s by %d = %v, %v, want %d", step.export, step.by, results, err, step.want)
				}
			}
		})
	}
	var refused *meter.Error
	_, _, err := meter.Rewrite(growing(wasm.Bounds{Min: 1 << 16}).Encode(), meter.Options{})
	if !errors.As(err, &refused) || refused.Kind != meter.TooLarge {
		t.Errorf("a module that begins with 4 GiB: %v", err)
	}
}

// TestRefusedGrowthIsTold: a memory.grow that fails for the limit is told to the owner, one that fails for the module's own
// maximum is not, nor is one that succeeds.
func TestRefusedGrowthIsTold(t *testing.T) {
	const page = 64 << 10
	var told []int64
	m := loadModule(t, newEngine(t, Config{}), growing(wasm.Bounds{Min: 1, Max: 10, HasMax: true}))
	g := &guest{quantum: testQuantum}
	i, err := m.Instantiate(InstanceConfig{Host: g, MemoryBytes: 4 * page, OnGrowRefused: func(bytes int64, why error) {
		if !errors.Is(why, ErrOutOfMemory) {
			t.Errorf("refused for %v", why)
		}
		told = append(told, bytes)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	i.Refill(testQuantum)
	for _, by := range []uint64{1, 5, 100, 2, 1} {
		if _, err := i.Call("grow", by); err != nil {
			t.Fatal(err)
		}
	}
	if want := []int64{7 * page, 5 * page}; !slices.Equal(told, want) {
		t.Errorf("refusals of %d were told, want %d", told, want)
	}
}
