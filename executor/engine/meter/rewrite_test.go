package meter_test

import (
	"bytes"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

func TestInfo(t *testing.T) {
	_, got, err := meter.Rewrite(wat(t, "info"), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	f := &meter.FuncType{Params: []meter.ValType{meter.I32, meter.F64}, Results: []meter.ValType{meter.I64}}
	pair := &meter.FuncType{Params: []meter.ValType{meter.I32}, Results: []meter.ValType{meter.I32, meter.I64}}
	want := &meter.Info{
		Imports: []meter.Import{
			{Module: "env", Name: "f", Kind: meter.FuncExtern, Type: "(func (param i32 f64) (result i64))", Func: f},
			{Module: "env", Name: "g", Kind: meter.GlobalExtern, Type: "(global (mut i32))"},
			{Module: "env", Name: "c", Kind: meter.GlobalExtern, Type: "(global v128)"},
			{Module: "env", Name: "m", Kind: meter.MemoryExtern, Type: "(memory 1 16)"},
			{Module: "env", Name: "t", Kind: meter.TableExtern, Type: "(table 1 funcref)"},
		},
		Exports: []meter.Export{
			{Name: "h", Kind: meter.GlobalExtern, Type: "(global (mut f32))"},
			{Name: "f", Kind: meter.FuncExtern, Type: "(func (param i32 f64) (result i64))", Func: f},
			{Name: "memory", Kind: meter.MemoryExtern, Type: "(memory 1 16)"},
			{Name: "table", Kind: meter.TableExtern, Type: "(table 1 funcref)"},
			{Name: "own", Kind: meter.TableExtern, Type: "(table 3 9 externref)"},
			{Name: "g", Kind: meter.GlobalExtern, Type: "(global (mut i32))"},
			{Name: "pair", Kind: meter.FuncExtern, Type: "(func (param i32) (result i32 i64))", Func: pair},
			{Name: "unnamed", Kind: meter.FuncExtern, Type: "(func)", Func: &meter.FuncType{}},
		},
		HasMemory: true, MinPages: 1, MaxPages: 16, HasMaxPages: true, MemoryImported: true,
		Names:         []meter.FunctionName{{Index: 0, Name: "f"}, {Index: 1, Name: "start"}, {Index: 2, Name: "pair"}, {Index: 3, Name: "unnamed"}},
		TableElements: 5,
		Globals:       4,
		FunctionCount: 3,
		CodeOffsets:   got.CodeOffsets, // TestCodeOffsets
		HasStart:      true,
		Data:          []meter.Data{{Bytes: []byte("x")}},
	}
	if got.LargestFunction == 0 || got.LargestFunction >= got.CodeBytes {
		t.Errorf("the largest function has %d of %d bytes of code", got.LargestFunction, got.CodeBytes)
	}
	if got.CodeBytes == 0 || got.ModuleBytes < got.CodeBytes {
		t.Errorf("%d bytes of code in %d bytes of module", got.CodeBytes, got.ModuleBytes)
	}
	got.CodeBytes, got.LargestFunction, got.ModuleBytes = 0, 0, 0
	got.Locals, got.Types, got.TypeValues, got.SegmentItems = 0, 0, 0, 0
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

// TestCodeOffsets: the offset of each function is that of its first instruction in the module as it was.
func TestCodeOffsets(t *testing.T) {
	original := wat(t, "info")
	m, err := wasm.Decode(original, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	codes := make([][]byte, len(m.Bodies))
	for i, b := range m.Bodies {
		codes[i] = slices.Clone(b.Code)
	}
	_, info, err := meter.Rewrite(original, meter.Options{})
	if err != nil || len(info.CodeOffsets) != len(codes) {
		t.Fatalf("%d offsets of %d functions, %v", len(info.CodeOffsets), len(codes), err)
	}
	for i, code := range codes {
		if at := info.CodeOffsets[i]; !bytes.HasPrefix(original[at:], code) {
			t.Errorf("function %d is not at %d", i, at)
		}
	}
}

// TestRewrittenModule checks the parts of a module that Rewrite changes.
func TestRewrittenModule(t *testing.T) {
	out, _, err := meter.Rewrite(wat(t, "info"), meter.Options{Limits: meter.Limits{TableElements: 7}})
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(out, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var imports, exports []string
	for _, im := range m.Imports {
		imports = append(imports, im.Module+"."+im.Name)
	}
	for _, x := range m.Exports {
		exports = append(exports, x.Name)
	}
	if diff := cmp.Diff([]string{"env.f", "env.g", "env.c", "env.m", "env.t", "reactord.yield", "reactord.grow_stack", "reactord.clear"}, imports); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"h", "f", "memory", "table", "own", "g", "pair", "unnamed", "reactord.fuel", "reactord.stack", "reactord.start"}, exports); diff != "" {
		t.Errorf("exports (-want +got):\n%s", diff)
	}
	if start := m.Exports[len(m.Exports)-1]; m.Start != nil || start.Index != 4 {
		t.Errorf("start = %v, exported %d, want 4", m.Start, start.Index)
	}
	m.Globals[1].Init.Functions(func(f uint32) {
		if f != 4 {
			t.Errorf("ref.func in a global = %d, want 4", f)
		}
	})
	for i, want := range []wasm.Bounds{{Min: 3, Max: 7, HasMax: true}, {Min: 2, Max: 7, HasMax: true}} {
		if got := m.Tables[i].Size; got != want {
			t.Errorf("table %d has size %v, want %v", i, got, want)
		}
	}
}

func TestReservedNamesAreRefused(t *testing.T) {
	for _, m := range []*wasm.Module{
		{Types: []wasm.FuncType{{}}, Imports: []wasm.Import{{Module: meter.HostModule, Name: "yield"}}},
		{
			Globals: []wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32}, Init: wasm.Expr{Code: []byte{0x41, 0, 0x0b}}}},
			Exports: []wasm.Export{{Name: meter.StackGlobal, Kind: wasm.GlobalExtern}},
		},
	} {
		_, _, err := meter.Rewrite(m.Encode(), meter.Options{})
		var e *meter.Error
		if !errors.As(err, &e) || e.Kind != meter.Unsupported || e.Feature != "reserved name" {
			t.Errorf("error = %v", err)
		}
	}
}

// TestRefusalIsInBodies: faults that are only in bodies are refused too.
func TestRefusalIsInBodies(t *testing.T) {
	m := &wasm.Module{
		Types:     []wasm.FuncType{{}},
		Functions: []uint32{0},
		Bodies:    []wasm.Body{{Code: []byte{0xfe, 0x03, 0x00, 0x0b}}},
	}
	_, _, err := meter.Rewrite(m.Encode(), meter.Options{})
	var e *meter.Error
	if !errors.As(err, &e) || e.Feature != "threads" || e.Offset == 0 {
		t.Errorf("error = %v", err)
	}
}

// TestModulesThatSayTooMuchAreRefused: a module's names and types are bounded, since they are copied often.
func TestModulesThatSayTooMuchAreRefused(t *testing.T) {
	wide := wasm.FuncType{Params: slices.Repeat([]wasm.ValType{wasm.I32}, 90)}
	body := wasm.Body{Code: []byte{0x0b}}
	limits := meter.Limits{NameBytes: 20, TypeValues: 100, DescriptionBytes: 1000}
	for _, tt := range []struct {
		name string
		m    wasm.Module
		want string // a part of the error; empty: accepted
	}{
		{name: "within", m: wasm.Module{Types: []wasm.FuncType{wide}, Functions: []uint32{0}, Bodies: []wasm.Body{body},
			Exports: []wasm.Export{{Name: strings.Repeat("x", 20)}, {Name: "y"}}}},
		{name: "the type again and again", want: "the limit is 1000: export fewer functions",
			m: wasm.Module{Types: []wasm.FuncType{wide}, Functions: []uint32{0}, Bodies: []wasm.Body{body},
				Exports: []wasm.Export{{Name: "a"}, {Name: "b"}, {Name: "c"}}}},
		{name: "a long export", want: "export name of 21 bytes, the limit is 20",
			m: wasm.Module{Types: []wasm.FuncType{{}}, Functions: []uint32{0}, Bodies: []wasm.Body{body},
				Exports: []wasm.Export{{Name: strings.Repeat("x", 21)}}}},
		{name: "a long import", want: "import name of 21 bytes, the limit is 20",
			m: wasm.Module{Types: []wasm.FuncType{{}}, Imports: []wasm.Import{{Module: "m", Name: strings.Repeat("x", 21)}}}},
		{name: "a long module", want: "module name of 21 bytes, the limit is 20",
			m: wasm.Module{Types: []wasm.FuncType{{}}, Imports: []wasm.Import{{Module: strings.Repeat("x", 21)}}}},
		{name: "many types", want: "types of 182 parameters and results together, the limit is 100",
			m: wasm.Module{Types: []wasm.FuncType{wide, wide}, Functions: []uint32{0, 1}, Bodies: []wasm.Body{body, body}}},
		{name: "many types of blocks", want: "types of 182 parameters and results together, the limit is 100",
			m: wasm.Module{Types: []wasm.FuncType{{Results: wide.Params}, {Params: wide.Params}}, Functions: []uint32{1}, Bodies: []wasm.Body{
				{Code: []byte{0x02, 0x00, 0x00, 0x0b, 0x00, 0x0b}}}}},
		{name: "many types that nothing uses", m: wasm.Module{Types: []wasm.FuncType{wide, wide, {}}, Functions: []uint32{2}, Bodies: []wasm.Body{body}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, _, err := meter.Rewrite(tt.m.Encode(), meter.Options{Limits: limits})
			var e *meter.Error
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.As(err, &e) || e.Kind != meter.TooLarge || !strings.Contains(err.Error(), tt.want)):
				t.Errorf("error %v, want %q", err, tt.want)
			}
		})
	}
}

// TestUnusedPartsAreEmptied: unused declarations, which cost the engine memory, are emptied.
func TestUnusedPartsAreEmptied(t *testing.T) {
	segment := func() wasm.Element { return wasm.Element{Mode: wasm.Passive, Funcs: []uint32{0, 0, 0}} }
	typed := wasm.Element{Mode: wasm.Passive, Type: wasm.ExternRef, Count: 1, Exprs: wasm.Expr{Code: []byte{0xd0, 0x6f, 0x0b}}}
	m := wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.F32}}, {Params: []wasm.ValType{wasm.F64}}, {}},
		Functions: []uint32{2},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 4}}},
		Elements:  []wasm.Element{segment(), segment(), typed, segment()},
		Bodies: []wasm.Body{{Code: []byte{
			0x41, 0, 0x41, 0, 0x41, 3, 0xfc, 12, 1, 0, // table.init of segment 1
			0xfc, 13, 2, // elem.drop of segment 2
			0x43, 0, 0, 0, 0, 0x41, 0, 0x11, 0, 0, 0x0b}}}, // call_indirect of type 0
	}
	out, info, err := meter.Rewrite(m.Encode(), meter.Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := wasm.Decode(out, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Types[0].Params) != 1 || len(got.Types[1].Params) != 0 {
		t.Errorf("types %v", got.Types)
	}
	var items []int
	for _, e := range got.Elements {
		items = append(items, len(e.Funcs)+e.Count)
	}
	if !slices.Equal(items, []int{0, 3, 0}) || info.Elements != 3 {
		t.Errorf("segments of %v items, %d told", items, info.Elements)
	}
}

// TestStartFunctionIsMetered calls a start function, which is metered like any other.
func TestStartFunctionIsMetered(t *testing.T) {
	h := newTestHost(t, 1000)
	m, err := h.instantiate(t, rewrite(t, wat(t, "start")))
	if err != nil {
		t.Fatal(err)
	}
	if n := m.ExportedGlobal("n").Get(); n != 10_000 {
		t.Errorf("n = %d", n)
	}
	if h.yields < 100 || h.granted == 0 {
		t.Errorf("%d yields, %d bytes granted", h.yields, h.granted)
	}
}

// TestTrapsKeepTheirTrace compares the stack traces of a trap: that of the metered module has the same functions, with
// their new indices.
func TestTrapsKeepTheirTrace(t *testing.T) {
	index := regexp.MustCompile(`\.\$(\d+)`)
	trace := func(p testModule, added int) string {
		h := newTestHost(t, 1000)
		m, err := h.instantiate(t, p)
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.call(t, m.ExportedFunction("trap"), 3)
		if err == nil {
			t.Fatal("no trap")
		}
		return index.ReplaceAllStringFunc(err.Error(), func(function string) string {
			n, err := strconv.Atoi(function[2:])
			if err != nil {
				t.Fatal(err)
			}
			return ".$" + strconv.Itoa(n-added)
		})
	}
	binary := wat(t, "trace")
	got, want := trace(rewrite(t, binary), meter.AddedImports), trace(plain(withoutCustoms(t, binary)), 0)
	if got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
	if strings.Count(want, ".$1(i32)") != 4 {
		t.Errorf("the trace lacks functions:\n%s", want)
	}
}

// withoutCustoms takes the custom sections from a module: a faulty name section
// can make wazero allocate without bound.
func withoutCustoms(t *testing.T, binary []byte) []byte {
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m.Encode()
}

// FuzzRewrite: any bytes give an error or a module, and if wazero accepts the original module, it accepts the metered one.
func FuzzRewrite(f *testing.F) {
	for _, name := range []string{"edges", "bulk", "deep", "hostile", "info", "start", "context"} {
		f.Add(wat(f, name))
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		limits := meter.Limits{Locals: 1000, Functions: 1000}
		out, info, err := meter.Rewrite(binary, meter.Options{Limits: limits})
		if err != nil {
			var e *meter.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		linked, _, err := meter.Rewrite(binary, meter.Options{Limits: limits, TakeTables: true, Name: "linked", Imports: anySources(info)})
		if err != nil {
			t.Fatalf("linked: %v", err)
		}
		h := newTestHost(t, 1000)
		if _, err := h.runtime.CompileModule(t.Context(), withoutCustoms(t, binary)); err != nil {
			return
		}
		for name, result := range map[string][]byte{"metered": out, "linked": linked} {
			if _, err := h.runtime.CompileModule(t.Context(), result); err != nil {
				t.Fatalf("%s module: %v", name, err)
			}
		}
	})
}

// anySources links imports with the host, with others, or with a builtin if they have its type.
func anySources(info *meter.Info) []meter.Source {
	sources := make([]meter.Source, len(info.Imports))
	for i, im := range info.Imports {
		sources[i] = meter.Source{Provider: i % 3, Name: im.Name, Host: i%2 == 0}
		for _, b := range []meter.Builtin{meter.ContextGet0, meter.ContextGet1, meter.ContextSet0, meter.ContextSet1} {
			if _, t := b.Function(); im.Func != nil && im.Func.Equal(t) && i%4 != 3 {
				sources[i] = meter.Source{Provider: 9, Builtin: b}
			}
		}
	}
	return sources
}
