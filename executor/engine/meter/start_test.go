package meter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
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

// withTables is a module with three functions, which are no. 1 to 3 (no. 0 is imported), and two tables of functions and one
// of other references. Its exports call functions from the tables; tell whether an element is null; copy from segment 0;
// drop it; and refer to function 3 in code, which makes the pass add a table.
func withTables(size uint32, segments ...wasm.Element) *wasm.Module {
	i32 := []wasm.ValType{wasm.I32}
	m := &wasm.Module{
		Types: []wasm.FuncType{
			{Results: i32}, {Params: i32, Results: i32}, {Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}}, {},
			{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I64, wasm.I32}, Results: i32}, // not of any of them
		},
		Imports:   []wasm.Import{{Module: "wasi_snapshot_preview1", Name: "sched_yield", Kind: wasm.FuncExtern}},
		Functions: []uint32{0, 0, 1},
		Elements:  segments,
		Bodies:    []wasm.Body{{Code: []byte{0x41, 11, 0x0b}}, {Code: []byte{0x41, 22, 0x0b}}, {Code: []byte{0x20, 0, 0x0b}}},
	}
	for _, elem := range []wasm.ValType{wasm.FuncRef, wasm.FuncRef, wasm.ExternRef} {
		m.Tables = append(m.Tables, wasm.TableType{Elem: elem, Size: wasm.Bounds{Min: size}})
	}
	export := func(name string, t uint32, code ...byte) {
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(1 + len(m.Functions))})
		m.Functions = append(m.Functions, t)
		m.Bodies = append(m.Bodies, wasm.Body{Code: append(code, 0x0b)})
	}
	export("call 0", 1, 0x20, 0, 0x11, 0, 0)
	export("call 1", 1, 0x20, 0, 0x11, 0, 1)
	export("call 0 with", 1, 0x41, 33, 0x20, 0, 0x11, 1, 0)
	for table := range m.Tables {
		export(fmt.Sprint("null ", table), 1, 0x20, 0, 0x25, byte(table), 0xd1)
	}
	if len(segments) > 0 {
		export("init", 2, 0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 12, 0, 0)
		export("drop", 3, 0xfc, 13, 0)
	}
	m.Exports = append(m.Exports, wasm.Export{Name: "table", Kind: wasm.TableExtern}, wasm.Export{Name: "third", Index: 3})
	export("refer", 2, 0x20, 0, 0xd2, 3, 0x26, 0)
	return m
}

// items is a segment of expressions, in which -1 is null.
func items(t wasm.ValType, functions ...int) wasm.Element {
	e := wasm.Element{Type: t, Count: len(functions)}
	for _, f := range functions {
		item := []byte{byte(wasm.OpRefNull), byte(t), byte(wasm.OpEnd)}
		if f >= 0 {
			item = []byte{byte(wasm.OpRefFunc), byte(f), byte(wasm.OpEnd)}
		}
		e.Exprs.Code = append(e.Exprs.Code, item...)
	}
	return e
}

// placed returns a segment with an offset in a table.
func placed(e wasm.Element, table uint32, offset ...[]byte) wasm.Element {
	e.Table, e.Offset = table, expr(offset...)
	return e
}

// TestTablesAreFilled compares the initial tables of metered and original modules, and that code can do with them the same.
func TestTablesAreFilled(t *testing.T) {
	const size = 5
	functions := func(f ...uint32) wasm.Element { return wasm.Element{Funcs: f} }
	passive := functions(1, 2)
	passive.Mode = wasm.Passive
	add := []byte{byte(wasm.OpI32Add)}
	outside := []string{"beyond the end", "nothing beyond the end", "at a negative index"}
	for name, segments := range map[string][]wasm.Element{
		"none":                    nil,
		"one":                     {placed(functions(1, 2, 3), 0, i32Const(1))},
		"of an import":            {placed(functions(0, 1), 0, i32Const(0))},
		"later ones win":          {placed(functions(1, 1, 1, 1), 0, i32Const(0)), placed(functions(2, 3), 0, i32Const(1))},
		"null wins, too":          {placed(functions(1, 1, 1), 0, i32Const(0)), placed(items(wasm.FuncRef, 2, -1), 0, i32Const(0))},
		"passive ones among them": {passive, placed(functions(1), 0, i32Const(2)), passive},
		"of two tables":           {placed(items(wasm.FuncRef, 1), 1, i32Const(1)), placed(functions(2), 0, i32Const(1))},
		"of other references":     {placed(functions(2), 0, i32Const(1)), placed(items(wasm.ExternRef, -1, -1), 2, i32Const(0))},
		"computed":                {placed(functions(1), 0, i32Const(1), i32Const(2), add)},
		"to the end":              {placed(functions(1, 2), 0, i32Const(size-2))},
		"nothing at the end":      {placed(functions(), 0, i32Const(size))},
		"beyond the end":          {placed(functions(1), 0, i32Const(0)), placed(functions(1, 2), 0, i32Const(size-1)), placed(functions(1), 0, i32Const(0))},
		"nothing beyond the end":  {placed(functions(), 0, i32Const(size+1))},
		"at a negative index":     {placed(functions(1), 0, i32Const(-1))},
	} {
		t.Run(name, func(t *testing.T) {
			binary := withTables(size, segments...).Encode()
			p := rewrite(t, binary)
			metered, err := wasm.Decode(p.binary, wasm.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			left := func(e wasm.Element) bool { return e.Mode == wasm.Active || len(e.Funcs)+e.Count > 0 }
			if slices.ContainsFunc(metered.Elements, left) || metered.Tables[0].Size.Min > 0 {
				t.Error("elements were left")
			}
			used := func(h *testHost, p testModule) (said []string) {
				m, err := h.instantiate(t, p)
				if err != nil {
					return []string{trap(err)}
				}
				call := func(name string, args ...uint64) {
					f := m.ExportedFunction(name)
					if f == nil {
						return
					}
					results, err := h.call(t, f, args...)
					said = append(said, fmt.Sprintf("%s %v: %v %s", name, args, results, trap(err)))
				}
				all := func() {
					for i := range uint64(size + 1) {
						for _, name := range []string{"call 0", "call 1", "call 0 with", "null 0", "null 1", "null 2"} {
							call(name, i)
						}
					}
				}
				all()
				call("init", 1, 0, 1)
				call("init", 1, 1, 1)
				call("drop")
				call("init", 1, 0, 1)
				call("refer", 0, 0, 0)
				all()
				return said
			}
			want, got := used(newTestHost(t, 0), plain(binary)), used(newTestHost(t, 1000), p)
			if slices.Contains(outside, name) {
				want = []string{"invalid table access"} // wazero does not check it
			}
			if !slices.Equal(got, want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
			}
		})
	}
}

// TestTypeOfTakenElements: a segment keeps its type, since code may use it.
func TestTypeOfTakenElements(t *testing.T) {
	m := withTables(5, placed(items(wasm.ExternRef, -1), 2, i32Const(0)))
	if _, err := newTestHost(t, 1000).instantiate(t, rewrite(t, m.Encode())); err == nil || !strings.Contains(err.Error(), "type mismatch") {
		t.Errorf("references of a type got into a table of another: %v", err)
	}
}

// TestElementsThatAreLeft: if only an instance can evaluate a segment, or if it is invalid, all are left to the engine.
func TestElementsThatAreLeft(t *testing.T) {
	zero := expr(i32Const(0))
	global := wasm.Expr{Code: []byte{byte(wasm.OpGlobalGet), 0, byte(wasm.OpEnd)}}
	for name, e := range map[string]wasm.Element{
		"an item from a global":    {Offset: zero, Type: wasm.FuncRef, Count: 1, Exprs: global},
		"a number":                 {Offset: zero, Table: 1, Type: wasm.FuncRef, Count: 1, Exprs: zero},
		"two in one":               {Offset: zero, Table: 1, Type: wasm.FuncRef, Count: 1, Exprs: expr([]byte{0xd2, 1, 0xd2, 1})},
		"null of another type":     {Offset: zero, Table: 1, Type: wasm.FuncRef, Count: 1, Exprs: expr([]byte{0xd0, byte(wasm.ExternRef)})},
		"function of another type": {Offset: zero, Table: 3, Type: wasm.ExternRef, Count: 1, Exprs: expr([]byte{0xd2, 1})},
		"table of another type":    {Offset: zero, Table: 3, Funcs: []uint32{1}},
	} {
		m := withTables(5, wasm.Element{Offset: zero, Table: 1, Funcs: []uint32{1}}, e)
		m.Imports = append(m.Imports,
			wasm.Import{Module: "env", Name: "table", Kind: wasm.TableExtern, Table: wasm.TableType{Elem: wasm.FuncRef}},
			wasm.Import{Module: "env", Name: "base", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.I32}},
			wasm.Import{Module: "env", Name: "function", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.FuncRef}})
		out, info, err := meter.Rewrite(m.Encode(), meter.Options{TakeTables: true})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		metered, err := wasm.Decode(out, wasm.Limits{})
		if err != nil || info.Tables != nil || len(info.ElementSegments) != 0 || len(metered.Elements) != 3 || metered.Elements[0].Mode != wasm.Active {
			t.Errorf("%s: %d segments taken out of %d, %v", name, len(info.ElementSegments), len(metered.Elements), err)
		}
	}
}

// TestOffsetsOfImportedGlobals: an offset that depends on imported globals is known only to an instance.
func TestOffsetsOfImportedGlobals(t *testing.T) {
	second := []byte{byte(wasm.OpGlobalGet), 1}
	m := withData(
		wasm.DataSegment{Offset: expr(i32Const(1)), Bytes: []byte("abc")},
		wasm.DataSegment{Offset: expr(slices.Concat(second, i32Const(5), []byte{byte(wasm.OpI32Add)})), Bytes: []byte("def")},
	)
	m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 3}}}
	m.Elements = []wasm.Element{{Offset: expr(second), Funcs: []uint32{0}}}
	global := func(t wasm.ValType) wasm.Import {
		return wasm.Import{Module: "env", Name: "base", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: t}}
	}
	m.Imports = []wasm.Import{global(wasm.I64), global(wasm.I32)}
	contexts := []meter.Source{{}, {}, {Builtin: meter.ContextGet0}}
	m.Imports = append(m.Imports, wasm.Import{Module: "env", Name: "context", Kind: wasm.FuncExtern, Func: uint32(len(m.Types))})
	m.Types = append(m.Types, wasm.FuncType{Results: []wasm.ValType{wasm.I32}})
	for _, sources := range [][]meter.Source{nil, contexts} {
		_, info, err := meter.Rewrite(m.Encode(), meter.Options{TakeTables: true, Imports: sources})
		if err != nil || len(info.Data) != 2 || len(info.ElementSegments) != 1 {
			t.Fatalf("%+v: %v", info, err)
		}
		known, unknown, element := info.Data[0].Offset, info.Data[1].Offset, info.ElementSegments[0].Offset
		if !known.Known() || known.In([]uint32{7, 8}) != 1 {
			t.Errorf("a constant offset is %+v", known)
		}
		if unknown.Known() || unknown.In([]uint32{7, 8}) != 13 || unknown.In([]uint32{7, 0xffffffff}) != 4 {
			t.Errorf("an offset that depends on a global is %+v", unknown)
		}
		if element.Known() || element.In([]uint32{7, 2}) != 2 {
			t.Errorf("an offset in a table is %+v", element)
		}
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
