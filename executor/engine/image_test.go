package engine

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"unsafe"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// segmentAt is an active data segment of n random bytes.
func segmentAt(offset uint32, n int, rnd *rand.Rand) wasm.DataSegment {
	data := make([]byte, n)
	for i := range data {
		data[i] = byte(rnd.Uint32())
	}
	var code wasm.Code
	code.I32Const(int32(offset))
	code.Op(wasm.OpEnd)
	return wasm.DataSegment{Offset: wasm.Expr{Code: code}, Bytes: data}
}

// withSegments is a module that has a memory and data.
func withSegments(pages uint32, segments ...wasm.DataSegment) *wasm.Module {
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32}, Results: []wasm.ValType{wasm.I32}}},
		Functions: []uint32{0},
		Exports:   []wasm.Export{{Name: "grow"}},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: pages}}},
		Data:      segments,
		Bodies:    []wasm.Body{{Code: []byte{0x20, 0, 0x40, 0, 0x0b}}},
	}
}

// TestInitialData: an instance begins with the data of its module, as the specification has it, whether an image is mapped
// or the data is copied, and keeps it when its memory grows.
func TestInitialData(t *testing.T) {
	const page = 64 << 10
	rnd := rand.New(rand.NewPCG(1, 2))
	modules := map[string]*wasm.Module{
		"none":                   withSegments(1),
		"no pages":               withSegments(0, segmentAt(0, 0, rnd)),
		"a page":                 withSegments(1, segmentAt(0, page, rnd)),
		"the last byte":          withSegments(2, segmentAt(page, page-1, rnd), segmentAt(2*page-1, 1, rnd)),
		"overlapping":            withSegments(4, segmentAt(0, 2*page, rnd), segmentAt(100, page, rnd), segmentAt(page-1, 2, rnd)),
		"far apart":              withSegments(200, segmentAt(5, page, rnd), segmentAt(150*page+7, 3*page, rnd), segmentAt(90*page, 9, rnd)),
		"empty at the end":       withSegments(3, segmentAt(1, 2*page, rnd), segmentAt(3*page, 0, rnd)),
		"empty behind the end":   withSegments(3, segmentAt(1, 2*page, rnd), segmentAt(3*page+1, 0, rnd)),
		"a byte behind the end":  withSegments(3, segmentAt(0, 2*page, rnd), segmentAt(2*page, page+1, rnd)),
		"the first is too large": withSegments(3, segmentAt(page, 2*page+1, rnd), segmentAt(0, 2*page, rnd)),
		"at 4 GiB":               withSegments(3, segmentAt(0, 2*page, rnd), segmentAt(1<<32-1, 2, rnd)),
	}
	for n := range 30 {
		m := withSegments(uint32(1 + rnd.IntN(40)))
		for range rnd.IntN(60) {
			m.Data = append(m.Data, segmentAt(uint32(rnd.IntN(int(m.Memories[0].Size.Min)*page)), rnd.IntN(1<<rnd.IntN(18)), rnd))
		}
		modules[fmt.Sprint("random ", n)] = m
	}
	mapped, copied := newEngine(t, Config{}), newEngine(t, Config{Mappings: -1})
	for name, module := range modules {
		binary := module.Encode()
		want, fits := contents(module)
		for _, e := range []*Engine{mapped, copied} {
			m := loadBytes(t, e, name, binary)
			i, err := m.Instantiate(InstanceConfig{Host: &guest{}})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			i.Refill(1 << 40)
			err = i.Start()
			if trap, _ := errors.AsType[*Trap](err); !fits && (trap == nil || trap.Code != MemoryOutOfBounds) || fits && err != nil {
				t.Errorf("%s: it starts with %v, and the data fits: %v", name, err, fits)
			}
			for _, pages := range []uint64{0, 20, 200} {
				if !fits || call(t, i, "grow", pages) == 1<<32-1 {
					break
				}
				want = append(want, make([]byte, pages*page)...)
				if got, _ := i.Memory().Read(0, i.Memory().Size()); !bytes.Equal(got, want) {
					t.Errorf("%s: grown by %d pages, the memory of %d bytes is not as it should be", name, pages, len(got))
				}
			}
			i.Close()
			want, _ = contents(module)
		}
	}
}

// contents returns what a memory begins with; fits is false if a segment is out of bounds.
func contents(m *wasm.Module) (memory []byte, fits bool) {
	memory = make([]byte, m.Memories[0].Size.Min<<16)
	constants := m.Constants()
	for i := range m.Data {
		offset, _ := constants.Evaluate(m.Data[i].Offset)
		if uint64(offset.Value)+uint64(len(m.Data[i].Bytes)) > uint64(len(memory)) {
			return memory, false
		}
		copy(memory[offset.Value:], m.Data[i].Bytes)
	}
	return memory, true
}

// TestImageOutlivesModule: an image is there as long as instances of its module, and not longer.
func TestImageOutlivesModule(t *testing.T) {
	e := newEngine(t, Config{})
	module := withSegments(40, segmentAt(0, 1<<20, rand.New(rand.NewPCG(3, 4))))
	want, _ := contents(module)
	m, err := e.Load(t.Context(), "module", func() ([]byte, error) { return module.Encode(), nil })
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, m, &guest{}, InstanceConfig{})
	if e.ImageBytes() == 0 {
		t.Skip("there are no images here")
	}
	m.Release()
	e.Discard("module")
	if got, _ := i.Memory().Read(0, i.Memory().Size()); !bytes.Equal(got, want) {
		t.Error("the instance lost its data with the module")
	}
	if e.ImageBytes() != 1<<20 {
		t.Errorf("images of %d bytes while an instance runs", e.ImageBytes())
	}
	i.Close()
	if e.ImageBytes() != 0 {
		t.Errorf("images of %d bytes are left", e.ImageBytes())
	}
}

// TestImageIsCounted: what a module takes is counted with the gaps of its image, or with the records of segments that have
// none.
func TestImageIsCounted(t *testing.T) {
	e := newEngine(t, Config{})
	counted := func(name string, m *wasm.Module) int64 {
		before := e.ModuleMemory()
		loadBytes(t, e, name, m.Encode())
		return e.ModuleMemory() - before
	}
	rnd := rand.New(rand.NewPCG(8, 9))
	sparse := withSegments(100)
	for at := range uint32(100) {
		sparse.Data = append(sparse.Data, segmentAt(at*20_000, 11_000, rnd))
	}
	empty, none := withSegments(1), withSegments(1)
	for range 50_000 {
		empty.Data = append(empty.Data, segmentAt(0, 0, rnd))
	}
	without := counted("none", none)
	if got := counted("sparse", sparse); e.ImageBytes() > 0 && got < without+e.ImageBytes() {
		t.Errorf("%d bytes are counted for a module with an image of %d", got, e.ImageBytes())
	}
	if got := counted("empty", empty); got < without+50_000*int64(unsafe.Sizeof(memory.Segment{})) {
		t.Errorf("%d bytes are counted for a module with 50,000 empty segments, %d for one with none", got, without)
	}
}

// TestLargeImage: 256 MiB of data take no memory but that of the image, however many instances there are.
func TestLargeImage(t *testing.T) {
	if testing.Short() {
		t.Skip("takes 256 MiB")
	}
	const size = 256 << 20
	e := newEngine(t, Config{ModuleBytes: 4 << 30, Limits: meter.Limits{ModuleBytes: 512 << 20}})
	m := loadModule(t, e, withSegments(uint32(size/memory.PageBytes+1), wasm.DataSegment{Offset: zeroOffset, Bytes: slices.Repeat([]byte{7}, size)}))
	if e.ImageBytes() == 0 {
		t.Skip("there are no images here")
	}
	for range 20 {
		i := start(t, m, &guest{quantum: 1 << 40}, InstanceConfig{})
		if b, _ := i.Memory().ReadByte(size - 1); b != 7 {
			t.Errorf("the last byte is %d", b)
		}
	}
	if e.ImageBytes() != size {
		t.Errorf("the image takes %d bytes", e.ImageBytes())
	}
}

// TestImagesComeAndGo: modules are loaded, run, discarded and loaded again from many goroutines, with fewer mappings than they
// want. Each instance begins with the data of its module, whoever had its memory before.
func TestImagesComeAndGo(t *testing.T) {
	const modules, goroutines, rounds = 5, 8, 15
	e := newEngine(t, Config{Mappings: 12, IdleModules: 1})
	type loaded struct {
		digest         string
		binary, memory []byte
	}
	var all []loaded
	rnd := rand.New(rand.NewPCG(5, 6))
	for n := range modules {
		m := withSegments(uint32(20+40*n), segmentAt(uint32(n*1000), 100_000*(n+1), rnd), segmentAt(1<<20, 200_000, rnd))
		memory, _ := contents(m)
		all = append(all, loaded{fmt.Sprint("module ", n), m.Encode(), memory})
	}
	run := func(rnd *rand.Rand, l loaded) error {
		m, err := e.Load(t.Context(), l.digest, func() ([]byte, error) { return l.binary, nil })
		if err != nil {
			return err
		}
		defer m.Release()
		i, err := m.Instantiate(InstanceConfig{Host: &guest{}})
		if err != nil {
			return err
		}
		defer i.Close()
		i.Refill(1 << 40)
		if err := i.Start(); err != nil {
			return err
		}
		view, _ := i.Memory().Read(0, i.Memory().Size())
		if !bytes.Equal(view, l.memory) {
			return fmt.Errorf("%s does not begin with its data", l.digest)
		}
		for range 50 {
			view[rnd.IntN(len(view))]++
		}
		want := bytes.Clone(view)
		at, n := rnd.IntN(len(want)/2), rnd.IntN(len(want)/2)
		clear(want[at : at+n])
		if err := i.clear(i.Memory(), int64(at), int64(n)); err != nil {
			return err
		}
		if rnd.IntN(2) == 0 { // it moves
			if _, err := i.Call("grow", 80); err != nil {
				return err
			}
			want = append(want, make([]byte, 80<<16)...)
		}
		if view, _ = i.Memory().Read(0, i.Memory().Size()); !bytes.Equal(view, want) {
			return fmt.Errorf("%s has lost what was in its memory", l.digest)
		}
		if rnd.IntN(4) == 0 {
			e.Discard(l.digest)
		}
		return nil
	}
	var running sync.WaitGroup
	for n := range uint64(goroutines) {
		running.Go(func() {
			rnd := rand.New(rand.NewPCG(n, 7))
			for range rounds {
				if err := run(rnd, all[rnd.IntN(modules)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	running.Wait()
	for _, l := range all {
		e.Discard(l.digest)
	}
	if e.ImageBytes() != 0 {
		t.Errorf("images of %d bytes are left", e.ImageBytes())
	}
}
