package meter_test

import (
	"errors"
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
	want := &meter.Info{
		Imports: []meter.Import{
			{Module: "env", Name: "f", Kind: meter.FuncExtern, Type: "(func (param i32 f64) (result i64))"},
			{Module: "env", Name: "g", Kind: meter.GlobalExtern, Type: "(global (mut i32))"},
			{Module: "env", Name: "c", Kind: meter.GlobalExtern, Type: "(global v128)"},
			{Module: "env", Name: "m", Kind: meter.MemoryExtern, Type: "(memory 1 16)"},
			{Module: "env", Name: "t", Kind: meter.TableExtern, Type: "(table 1 funcref)"},
		},
		Exports: []meter.Export{
			{Name: "h", Kind: meter.GlobalExtern, Type: "(global (mut f32))"},
			{Name: "f", Kind: meter.FuncExtern, Type: "(func (param i32 f64) (result i64))"},
			{Name: "memory", Kind: meter.MemoryExtern, Type: "(memory 1 16)"},
			{Name: "table", Kind: meter.TableExtern, Type: "(table 1 funcref)"},
			{Name: "own", Kind: meter.TableExtern, Type: "(table 3 9 externref)"},
			{Name: "g", Kind: meter.GlobalExtern, Type: "(global (mut i32))"},
			{Name: "pair", Kind: meter.FuncExtern, Type: "(func (param i32) (result i32 i64))"},
			{Name: "unnamed", Kind: meter.FuncExtern, Type: "(func)"},
		},
		HasMemory: true, MinPages: 1, MaxPages: 16, HasMaxPages: true,
		TableElements: 6,
		Globals:       4,
		Segments:      1,
		FunctionCount: 3,
		HasStart:      true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("info (-want +got):\n%s", diff)
	}
}

// TestRewrittenModule looks at what a module has after rewriting.
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
	if diff := cmp.Diff([]string{"env.f", "env.g", "env.c", "env.m", "env.t", "reactord.yield", "reactord.grow_stack"}, imports); diff != "" {
		t.Errorf("imports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"h", "f", "memory", "table", "own", "g", "pair", "unnamed", "reactord.fuel", "reactord.stack"}, exports); diff != "" {
		t.Errorf("exports (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]wasm.FunctionName{
		{Index: 0, Name: "f"}, {Index: 1, Name: "reactord.yield"}, {Index: 2, Name: "reactord.grow_stack"},
		{Index: 3, Name: "start"}, {Index: 4, Name: "pair"},
	}, m.Names.Functions); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if *m.Start != 3 {
		t.Errorf("start = %d, want 3", *m.Start)
	}
	m.Globals[1].Init.Functions(func(f uint32) {
		if f != 3 {
			t.Errorf("ref.func in a global = %d, want 3", f)
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

// TestRefusalIsInBodies makes sure that what only bodies show is refused, too.
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

func TestStaleSectionsAreDropped(t *testing.T) {
	m := &wasm.Module{}
	for _, name := range []string{"producers", ".debug_line", "reloc.CODE", "sourceMappingURL", "mine"} {
		m.Customs = append(m.Customs, wasm.Custom{Name: name, Payload: []byte{1, 2}})
	}
	out, err := wasm.Decode(rewrite(t, m.Encode()), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	var kept []string
	for _, c := range out.Customs {
		kept = append(kept, c.Name)
	}
	if diff := cmp.Diff([]string{"producers", "mine"}, kept); diff != "" {
		t.Errorf("custom sections (-want +got):\n%s", diff)
	}
	if out.Names != nil {
		t.Error("a module without names has got some")
	}
}

// TestStartFunctionIsMetered instantiates a module whose start function needs
// the meter before the host has the instance.
func TestStartFunctionIsMetered(t *testing.T) {
	h := newTestHost(t, 1000)
	m, err := h.instantiate(t, rewrite(t, wat(t, "start")), noStart())
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

// TestTrapsKeepTheirTrace compares the stack traces of a trap: those of the
// metered module have the same functions.
func TestTrapsKeepTheirTrace(t *testing.T) {
	trace := func(binary []byte) string {
		h := newTestHost(t, 1000)
		m, err := h.instantiate(t, binary, noStart())
		if err != nil {
			t.Fatal(err)
		}
		_, err = h.call(t, m.ExportedFunction("trap"), 3)
		if err == nil {
			t.Fatal("no trap")
		}
		return err.Error()
	}
	binary := wat(t, "trace")
	got, want := trace(rewrite(t, binary)), trace(binary)
	if got != want {
		t.Errorf("trace:\n%s\nwant:\n%s", got, want)
	}
	if strings.Count(want, ".inner(i32)") != 4 {
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
	m.Customs, m.Names = nil, nil
	return m.Encode()
}

// FuzzRewrite holds that any bytes give an error or a module, and a module that
// wazero takes as it is it also takes metered.
func FuzzRewrite(f *testing.F) {
	for _, name := range []string{"edges", "bulk", "deep", "hostile", "info", "start"} {
		f.Add(wat(f, name))
	}
	f.Fuzz(func(t *testing.T, binary []byte) {
		out, _, err := meter.Rewrite(binary, meter.Options{Limits: meter.Limits{Locals: 1000, Functions: 1000}})
		if err != nil {
			var e *meter.Error
			if !errors.As(err, &e) {
				t.Fatalf("error %#v", err)
			}
			return
		}
		h := newTestHost(t, 1000)
		if _, err := h.runtime.CompileModule(t.Context(), withoutCustoms(t, binary)); err != nil {
			return
		}
		if _, err := h.runtime.CompileModule(t.Context(), out); err != nil {
			t.Fatalf("metered module: %v", err)
		}
	})
}
