package meter_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// contextBuiltin tells the builtins of testdata/wat/context.wat by their names.
func contextBuiltin(_, name string) meter.Builtin {
	for _, b := range []meter.Builtin{meter.ContextGet0, meter.ContextGet1, meter.ContextSet0, meter.ContextSet1} {
		if of, _ := b.Function(); of == name {
			return b
		}
	}
	return 0
}

// TestContextStaysTheSame: as instructions, the context functions do what they do as functions.
func TestContextStaysTheSame(t *testing.T) {
	binary := wat(t, "context")
	calls := []call{
		{"begin", []uint64{1 << 16}}, {"frames", []uint64{200}}, {"loop", []uint64{5000}}, {"tail", nil}, {"dead", nil}, {"get1", nil},
		{"indirect", []uint64{0}}, {"indirect", []uint64{1}}, {"indirect", []uint64{2}}, {"indirect", []uint64{3}}, {"frames", []uint64{0}},
	}
	host := func(quantum int64) *testHost {
		h := newTestHost(t, quantum)
		_, err := h.runtime.InstantiateWithConfig(t.Context(), meter.ContextStorage(), noStart().WithName("context"))
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	want := play(t, host(0), plain(binary), calls)
	for _, quantum := range []int64{7, 1000} {
		for _, builtin := range []func(string, string) meter.Builtin{noBuiltin, contextBuiltin} {
			h := host(quantum)
			if got := play(t, h, rewriteLinked(t, binary, false, builtin), calls); !slices.Equal(got, want) {
				t.Errorf("quantum %d:\n got %q\nwant %q", quantum, got, want)
			}
			if h.overshot > maxOvershoot || h.overStack > meter.RedZone {
				t.Errorf("quantum %d: %d units beyond it, %d bytes of stack beyond those counted", quantum, h.overshot, h.overStack)
			}
		}
	}
}

// TestContextBecomesInstructions: code of a function that uses the context calls nobody.
func TestContextBecomesInstructions(t *testing.T) {
	p := rewriteLinked(t, wat(t, "context"), false, contextBuiltin)
	m, err := wasm.Decode(p.binary, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	body := &m.Bodies[4] // loop
	instrs, err := wasm.ParseBody(body, 100, m.Space(), wasm.Limits{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	gets := 0
	for _, in := range instrs {
		switch in.Op {
		case wasm.OpCall:
			if in.A < 4 {
				t.Errorf("import %d is called", in.A)
			}
		case wasm.OpGlobalGet:
			gets++
		}
	}
	if gets < 4 {
		t.Errorf("%d globals are read", gets)
	}
}

// TestLinkedImports: the result has the names of the sources, whatever the original's are.
func TestLinkedImports(t *testing.T) {
	m := withImports(
		wasm.Import{Module: "", Name: ""},
		wasm.Import{Module: meter.HostModule, Name: meter.YieldFunction, Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.I32}},
		wasm.Import{Module: "a", Name: "memory", Kind: wasm.MemoryExtern, Memory: wasm.MemoryType{Size: wasm.Bounds{Min: 1}}},
	)
	sources := []meter.Source{{Provider: 3, Name: "x"}, {Provider: 0, Name: ""}, {Provider: 12, Name: "m"}}
	out, info, err := meter.Rewrite(m.Encode(), meter.Options{Imports: sources, Name: "it"})
	if err != nil {
		t.Fatal(err)
	}
	result, err := wasm.Decode(out, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]string{{"3", "x"}, {"0", ""}, {"12", "m"}} {
		if im := result.Imports[i]; im.Module != want[0] || im.Name != want[1] {
			t.Errorf("import %d is %q.%q, want %q", i, im.Module, im.Name, want)
		}
	}
	if info.Imports[0].Module != "" || info.Imports[2].Module != "a" || !info.MemoryImported {
		t.Errorf("the info has other imports: %+v", info.Imports)
	}
}

// TestWrongSources: sources that don't fit the imports are refused.
func TestWrongSources(t *testing.T) {
	m := withImports(wasm.Import{Module: "a", Name: "f"}, wasm.Import{Module: "a", Name: "g", Func: 1}, wasm.Import{Module: "a", Name: "h", Func: 1})
	m.Types = append(m.Types, wasm.FuncType{Results: []wasm.ValType{wasm.I32}})
	for name, sources := range map[string][]meter.Source{
		"too few":                    {{}},
		"too many":                   {{}, {}, {}, {}},
		"a builtin of another type":  {{Builtin: meter.ContextGet0}, {}, {}},
		"a setter that gets":         {{}, {Builtin: meter.ContextSet0}, {}},
		"contexts of two instances":  {{}, {Builtin: meter.ContextGet0}, {Provider: 1, Builtin: meter.ContextGet1}},
		"sources of another module":  {},
		"a builtin that there isn't": {{}, {Builtin: meter.ContextSet1 + 1}, {}},
	} {
		_, _, err := meter.Rewrite(m.Encode(), meter.Options{Imports: sources})
		if e, ok := errors.AsType[*meter.Error](err); !ok || e.Kind != meter.Malformed {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// withImports is a module with imports, of which functions have the type () -> () by default.
func withImports(imports ...wasm.Import) *wasm.Module {
	return &wasm.Module{Types: []wasm.FuncType{{}}, Imports: imports}
}
