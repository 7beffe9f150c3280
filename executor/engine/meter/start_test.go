package meter_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// i32Const is an expression of type i32, without the end.
func i32Const(v int32) []byte { return wasm.AppendS64([]byte{byte(wasm.OpI32Const)}, int64(v)) }

func expr(parts ...[]byte) wasm.Expr {
	return wasm.Expr{Code: append(slices.Concat(parts...), byte(wasm.OpEnd))}
}

// withData is a module with a page of memory and segments, and exports that copy from segment 0, and drop it.
func withData(segments ...wasm.DataSegment) *wasm.Module {
	count := uint32(len(segments))
	return &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}}, {}},
		Functions: []uint32{0, 1},
		Memories:  []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}},
		Globals:   []wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32}, Init: expr(i32Const(100))}},
		Exports: []wasm.Export{
			{Name: "memory", Kind: wasm.MemoryExtern},
			{Name: "init", Kind: wasm.FuncExtern}, {Name: "drop", Kind: wasm.FuncExtern, Index: 1},
		},
		DataCount: &count,
		Data:      segments,
		Bodies: []wasm.Body{
			{Code: []byte{0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 8, 0, 0, 0x0b}},
			{Code: []byte{0xfc, 9, 0, 0x0b}},
		},
	}
}

// TestDataIsWritten compares the initial memory of metered and original modules.
func TestDataIsWritten(t *testing.T) {
	at := func(bytes string, offset ...[]byte) wasm.DataSegment {
		return wasm.DataSegment{Offset: expr(offset...), Bytes: []byte(bytes)}
	}
	add, sub, mul := []byte{byte(wasm.OpI32Add)}, []byte{byte(wasm.OpI32Sub)}, []byte{byte(wasm.OpI32Mul)}
	for name, segments := range map[string][]wasm.DataSegment{
		"one":                      {at("abc", i32Const(5))},
		"later ones win":           {at("abcdef", i32Const(5)), at("XYZ", i32Const(7)), at("1", i32Const(8))},
		"passive ones among them":  {{Passive: true, Bytes: []byte("p")}, at("abc", i32Const(5)), {Passive: true}},
		"computed":                 {at("abc", i32Const(5), i32Const(8), sub, i32Const(3), i32Const(7), mul, add)},
		"to the end":               {at("abc", i32Const(1<<16-3))},
		"nothing at the end":       {at("", i32Const(1<<16))},
		"beyond the end":           {at("x", i32Const(3)), at("abc", i32Const(1<<16-2)), at("y", i32Const(4))},
		"nothing beyond the end":   {at("", i32Const(1<<16+1))},
		"at a negative address":    {at("abc", i32Const(-1))},
		"nothing at the very end":  {at("", i32Const(-1))},
		"computed beyond the end":  {at("abc", i32Const(0), i32Const(1), sub)},
		"of more than a few bytes": {at(string(make([]byte, 60_000))+"abc", i32Const(1))},
	} {
		t.Run(name, func(t *testing.T) {
			binary := withData(segments...).Encode()
			started := func(h *testHost, p testModule) (hash uint64, said string) {
				m, err := h.instantiate(t, p)
				if err != nil {
					return 0, trap(err)
				}
				return memoryHash(m), ""
			}
			wantHash, want := started(newInterpreter(t), plain(binary))
			gotHash, got := started(newTestHost(t, 1000), rewrite(t, binary))
			if got != want || gotHash != wantHash {
				t.Errorf("memory %x, %q; want %x, %q", gotHash, got, wantHash, want)
			}
		})
	}
}

// TestActiveSegmentsAreDropped: after instantiation active segments are empty, as the specification says.
func TestActiveSegmentsAreDropped(t *testing.T) {
	h := newTestHost(t, 1000)
	m := withData(wasm.DataSegment{Offset: expr(i32Const(9)), Bytes: []byte("abc")})
	elements := []wasm.Element{{Offset: expr(i32Const(1)), Funcs: []uint32{0}}, {Mode: wasm.Declarative, Funcs: []uint32{0}}}
	m.Tables, m.Elements = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 9}}}, elements
	for i, name := range []string{"active elements", "declarative elements"} {
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(len(m.Functions))})
		m.Functions = append(m.Functions, 0)
		m.Bodies = append(m.Bodies, wasm.Body{Code: []byte{0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 12, byte(i), 0, 0x0b}})
	}
	instance, err := h.instantiate(t, rewrite(t, m.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"init", "active elements", "declarative elements"} {
		for _, tt := range []struct {
			to, from, n uint64
			traps       bool
		}{{0, 0, 0, false}, {0, 0, 1, true}, {0, 1, 0, true}} {
			if _, err := h.call(t, instance.ExportedFunction(name), tt.to, tt.from, tt.n); (err != nil) != tt.traps {
				t.Errorf("%s: %+v: %v", name, tt, err)
			}
		}
	}
	if _, err := h.call(t, instance.ExportedFunction("drop")); err != nil {
		t.Error(err)
	}
}

// TestElementsOutOfBounds: the pass reports active element segments out of bounds, which wazero does not check.
func TestElementsOutOfBounds(t *testing.T) {
	const size = 9
	for _, tt := range []struct {
		offset wasm.Expr
		count  int
		want   bool
	}{
		{expr(i32Const(0)), size, false},
		{expr(i32Const(0)), size + 1, true},
		{expr(i32Const(size)), 0, false},
		{expr(i32Const(size + 1)), 0, true},
		{expr(i32Const(-1)), 2, true},
		{expr(i32Const(8), i32Const(1), []byte{byte(wasm.OpI32Add)}), 1, true},
	} {
		m := withData()
		m.DataCount, m.Bodies[0].Code, m.Bodies[1].Code = nil, []byte{0x0b}, []byte{0x0b}
		m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: size}}}
		m.Elements = []wasm.Element{{Offset: tt.offset, Funcs: make([]uint32, tt.count)}}
		if _, info, err := meter.Rewrite(m.Encode(), meter.Options{}); err != nil || info.ElementsOutOfBounds != tt.want {
			t.Errorf("%d elements at %x: %v, %v", tt.count, tt.offset.Code, info.ElementsOutOfBounds, err)
		}
	}
}

// TestOffsetsOfImportedGlobals: if an offset depends on an imported global, all segments are left to the engine.
func TestOffsetsOfImportedGlobals(t *testing.T) {
	m := withData(
		wasm.DataSegment{Offset: expr(i32Const(1)), Bytes: []byte("abc")},
		wasm.DataSegment{Offset: expr([]byte{byte(wasm.OpGlobalGet), 0}), Bytes: []byte("def")},
	)
	m.Imports = []wasm.Import{{Module: "env", Name: "base", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.I32}}}
	out, info, err := meter.Rewrite(m.Encode(), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	metered, err := wasm.Decode(out, wasm.Limits{})
	if err != nil || len(info.Data) != 0 || metered.Data[0].Passive || string(metered.Data[1].Bytes) != "def" {
		t.Errorf("%d segments taken out, %v", len(info.Data), err)
	}
}

// TestInvalidOffsets: invalid offsets are refused here, since no engine sees them.
func TestInvalidOffsets(t *testing.T) {
	for name, code := range map[string][]byte{
		"nothing":             {},
		"two values":          {0x41, 0, 0x41, 0},
		"an operand missing":  {0x41, 0, 0x6a},
		"another type":        {0x42, 0},
		"an unknown global":   {0x23, 9},
		"a global of its own": {0x23, 0},
	} {
		m := withData(wasm.DataSegment{Offset: expr(code), Bytes: []byte("abc")})
		_, _, err := meter.Rewrite(m.Encode(), meter.Options{})
		if e, ok := errors.AsType[*meter.Error](err); !ok || e.Kind != meter.Malformed || e.Offset == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := withData(wasm.DataSegment{Offset: expr(i32Const(0))})
	m.Memories, m.Exports = nil, nil
	m.Bodies[0].Code = []byte{0x0b}
	if _, _, err := meter.Rewrite(m.Encode(), meter.Options{}); err == nil {
		t.Error("data without a memory")
	}
}
