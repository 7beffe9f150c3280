package snapshot_test

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
)

// randomCode is a body of random steps over the state of randomModule.
func randomCode(rng *rand.Rand, steps int) (code wasm.Code) {
	address := func() { code.I32Const(rng.Int32N(3 << 16)) }
	for range steps {
		switch rng.IntN(10) {
		case 0, 1, 2: // store what depends on the state
			code.I32Const(rng.Int32N(1 << 16))
			code.Index(wasm.OpGlobalGet, 1)
			code.Raw(0x37, 0, 0) // i64.store
		case 3: // anywhere, which may trap
			if rng.IntN(4) == 0 {
				address()
				code.I32Const(rng.Int32())
				code.Raw(0x36, 0, 0)
			}
		case 4:
			code.I32Const(rng.Int32N(2))
			code.Raw(byte(wasm.OpMemoryGrow), 0)
			code.Index(wasm.OpGlobalSet, 0)
		case 5:
			code.Index(wasm.OpGlobalGet, 1)
			code.I64Const(rng.Int64())
			code.Op(wasm.OpI64Mul)
			code.I64Const(rng.Int64())
			code.Op(wasm.OpI64Add)
			code.Index(wasm.OpGlobalSet, 1)
		case 6: // a load into a global
			code.I32Const(rng.Int32N(1 << 16))
			code.Raw(0x2a, 0, 0) // f32.load
			code.Index(wasm.OpGlobalSet, 2)
		case 7: // fails once the segment is dropped
			if rng.IntN(3) == 0 {
				code.I32Const(rng.Int32N(1 << 16))
				code.I32Const(0)
				code.I32Const(rng.Int32N(4))
				code.Op(wasm.OpMemoryInit)
				code.Raw(byte(2*rng.IntN(2)), 0) // the passive ones: wazero does not drop active ones, as it should
			}
		case 8:
			if rng.IntN(3) == 0 {
				code.Index(wasm.OpDataDrop, uint32(2*rng.IntN(2)))
			}
		case 9:
			code.I32Const(rng.Int32N(3))
			code.Raw(byte(wasm.OpCallIndirect), procedure, 0)
		}
	}
	return code
}

// randomModule has "init" and "step", which change its state.
func randomModule(rng *rand.Rand) *wasm.Module {
	m := base()
	mutable := func(t wasm.ValType, init wasm.Expr) {
		m.Exports = append(m.Exports, wasm.Export{Name: fmt.Sprintf("g%d", len(m.Globals)), Kind: wasm.GlobalExtern, Index: uint32(len(m.Globals))})
		m.Globals = append(m.Globals, wasm.Global{Type: wasm.GlobalType{Type: t, Mutable: true}, Init: init})
	}
	mutable(wasm.I32, i32(rng.Int32()))
	mutable(wasm.I64, expr(wasm.OpI64Const, wasm.AppendS64(nil, rng.Int64())...))
	mutable(wasm.F32, expr(wasm.OpF32Const, 1, 2, 3, 4))
	m.Data = []wasm.DataSegment{
		{Passive: true, Bytes: []byte("one")}, {Offset: i32(rng.Int32N(1 << 15)), Bytes: []byte("active")}, {Passive: true, Bytes: []byte("three")},
	}
	n := uint32(len(m.Data))
	m.DataCount = &n
	m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 3}}}
	m.Elements = []wasm.Element{{Offset: i32(0), Funcs: []uint32{0, 1}}} // the third is null
	for _, name := range []string{"a", "b"} {
		var code wasm.Code
		code.Index(wasm.OpGlobalGet, 1)
		code.I64Const(rng.Int64())
		code.Op(wasm.OpI64Or)
		code.Index(wasm.OpGlobalSet, 1)
		function(m, name, procedure, code)
	}
	function(m, "init", procedure, randomCode(rng, rng.IntN(30)))
	function(m, "step", procedure, randomCode(rng, rng.IntN(20)))
	if rng.IntN(2) == 0 {
		start := uint32(rng.IntN(2))
		m.Start = &start
	}
	return m
}

// observed is what can be seen of an instance after some calls of "step".
func observed(m api.Module) string {
	var b strings.Builder
	for range 3 {
		_, err := m.ExportedFunction("step").Call(context.Background())
		failed := ""
		if err != nil {
			failed, _, _ = strings.Cut(err.Error(), "\n")
		}
		hash := fnv.New64a()
		memory, _ := m.Memory().Read(0, m.Memory().Size())
		_, _ = hash.Write(memory)
		fmt.Fprintf(&b, "%q, memory %d %x", failed, len(memory), hash.Sum64())
		for i := range 3 {
			fmt.Fprintf(&b, ", %x", m.ExportedGlobal(fmt.Sprintf("g%d", i)).Get())
		}
		b.WriteByte('\n')
	}
	return b.String()
}

// TestSnapshotGoesOnAsTheOriginal: what an instance of a snapshot does is what the instance would have done of which the
// snapshot is.
func TestSnapshotGoesOnAsTheOriginal(t *testing.T) {
	compared := 0
	for seed := range uint64(400) {
		m := randomModule(rand.New(rand.NewPCG(seed, 9)))
		p, err := snapshot.NewProbe(m.Encode(), wasm.Limits{})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		original := instantiate(t, p.Module)
		if _, err := original.ExportedFunction("init").Call(context.Background()); err != nil {
			continue
		}
		out, err := p.Snapshot(stateOf(t, p, original), snapshot.Options{Hidden: []string{"init"}})
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		plain := instantiate(t, m.Encode())
		call(t, plain, "init")
		want, probed, got := observed(plain), observed(original), observed(instantiate(t, out))
		if got != want || probed != want {
			t.Fatalf("seed %d: the snapshot does\n%sthe probe\n%sthe original\n%s", seed, got, probed, want)
		}
		compared++
	}
	if compared < 100 {
		t.Errorf("only %d modules were compared: most initializations fail", compared)
	}
}

// compiles reports whether wazero takes a module.
func compiles(r wazero.Runtime, binary []byte) error {
	m, err := r.CompileModule(context.Background(), binary)
	if err != nil {
		return err
	}
	return m.Close(context.Background())
}

// FuzzSnapshot: the probe of a valid module is valid, and so is its snapshot of any state, if there is one.
func FuzzSnapshot(f *testing.F) {
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features).WithDebugInfoEnabled(false))
	f.Cleanup(func() { r.Close(context.Background()) })
	random, err := filepath.Glob("../meter/testdata/random/*.wasm")
	if err != nil || len(random) == 0 {
		f.Fatal(random, err)
	}
	for _, file := range random {
		binary, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(binary, []byte{1, 2, 3})
	}
	for seed := range uint64(5) {
		f.Add(randomModule(rand.New(rand.NewPCG(seed, 9))).Encode(), []byte{1, 2, 0, 4})
	}
	f.Add(withSegments(func(c *wasm.Code) { c.Index(wasm.OpDataDrop, 1) }).Encode(), []byte{})
	f.Fuzz(func(t *testing.T, binary, state []byte) {
		p, err := snapshot.NewProbe(binary, wasm.Limits{})
		if err != nil {
			return
		}
		original, err := wasm.Decode(binary, wasm.Limits{})
		if err != nil || compiles(r, original.Encode()) != nil { // without custom sections, which wazero trusts
			return
		}
		if err := compiles(r, withoutCustoms(t, p.Module)); err != nil {
			t.Fatalf("the probe: %v", err)
		}
		s := &snapshot.State{Globals: make([]uint64, len(p.Globals))}
		function := func(n int) uint32 {
			if all := len(original.FunctionTypeIndices()); all > 0 && n%3 != 0 {
				return uint32(n % all)
			}
			return wasm.NoFunction
		}
		s.Functions, s.Tables = map[snapshot.Reference]uint32{}, map[uint32][]uint32{}
		for i, r := range p.References {
			if original.GlobalTypes()[r.Global()].Type == wasm.FuncRef {
				s.Functions[r] = function(i + len(state))
			} else {
				s.Functions[r] = wasm.NoFunction
			}
		}
		for _, table := range p.Tables {
			size := original.Tables[table].Size.Min
			if size > 100 {
				return
			}
			s.Tables[table] = []uint32{}
			for i := range int(size) {
				n := uint32(wasm.NoFunction)
				if original.Tables[table].Elem == wasm.FuncRef {
					n = function(i + len(state))
				}
				s.Tables[table] = append(s.Tables[table], n)
			}
		}
		for i, b := range state {
			if len(s.Globals) > 0 {
				s.Globals[i%len(s.Globals)] ^= uint64(b) << (i % 64)
			}
		}
		if memory, ok := original.Memory(); ok && (!memory.Size.HasMax || memory.Size.Max > 0) {
			page := make([]byte, 64<<10)
			copy(page, state)
			if s.Memory, err = memoryOf(p, page, 1<<20); err != nil {
				t.Fatal(err)
			}
		}
		out, err := p.Snapshot(s, snapshot.Options{Hidden: []string{"init"}})
		if err != nil {
			return
		}
		if err := compiles(r, withoutCustoms(t, out)); err != nil {
			t.Fatalf("the snapshot: %v", err)
		}
	})
}

// withoutCustoms returns a module without custom sections.
func withoutCustoms(t *testing.T, binary []byte) []byte {
	t.Helper()
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Encode()
}
