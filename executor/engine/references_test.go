package engine

import (
	"slices"
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
)

// changing is a module whose "init" changes its tables and a global. Table 0 has the functions 2 to 5, of which each returns
// its place, and two empty places.
func changing() *wasm.Module {
	m := counting(4)
	m.Tables[0].Size.Min = 6
	m.Tables = append(m.Tables, wasm.TableType{Elem: wasm.ExternRef, Size: wasm.Bounds{Min: 1}})
	null := func(t wasm.ValType) []byte { return []byte{byte(wasm.OpRefNull), byte(t)} }
	m.Globals = []wasm.Global{
		{Type: wasm.GlobalType{Type: wasm.FuncRef, Mutable: true}, Init: wasm.Expr{Code: append(null(wasm.FuncRef), 0x0b)}},
		{Type: wasm.GlobalType{Type: wasm.ExternRef, Mutable: true}, Init: wasm.Expr{Code: append(null(wasm.ExternRef), 0x0b)}},
	}
	var init wasm.Code
	set := func(at int32, reference ...byte) {
		init.I32Const(at)
		init.Raw(reference...)
		init.Index(wasm.OpTableSet, 0)
	}
	grow := func(table uint32, n int32, reference ...byte) {
		init.Raw(reference...)
		init.I32Const(n)
		init.Index(wasm.OpTableGrow, table)
		init.Op(wasm.OpDrop)
	}
	function := func(f byte) []byte { return []byte{byte(wasm.OpRefFunc), f} }
	set(5, function(3)...)
	set(1, null(wasm.FuncRef)...)
	grow(0, 2, function(0)...) // the imported one
	grow(1, 3, null(wasm.ExternRef)...)
	init.Raw(function(4)...)
	init.Index(wasm.OpGlobalSet, 0)
	init.Raw(null(wasm.ExternRef)...)
	init.Index(wasm.OpGlobalSet, 1)
	init.Op(wasm.OpEnd)

	var through wasm.Code // calls the function that the global refers to
	through.I32Const(0)
	through.Index(wasm.OpGlobalGet, 0)
	through.Index(wasm.OpTableSet, 0)
	through.I32Const(0)
	through.Raw(byte(wasm.OpCallIndirect), 0, 0, byte(wasm.OpEnd))
	size := wasm.Code{0xfc, 0x10, 1, byte(wasm.OpEnd)} // table.size 1

	m.Types = append(m.Types, wasm.FuncType{})
	for _, f := range []struct {
		name string
		typ  uint32
		code wasm.Code
	}{{"init", 2, init}, {"through", 0, through}, {"size", 0, size}} {
		m.Exports = append(m.Exports, wasm.Export{Name: f.name, Index: uint32(1 + len(m.Bodies))})
		m.Functions = append(m.Functions, f.typ)
		m.Bodies = append(m.Bodies, wasm.Body{Code: f.code})
	}
	m.Elements = append(m.Elements, wasm.Element{Mode: wasm.Declarative, Funcs: []uint32{0, 3, 4}})
	return m
}

// TestReferencesInSnapshots: tables and references that code has changed become element segments and constants.
func TestReferencesInSnapshots(t *testing.T) {
	e := newEngine(t, Config{})
	p, err := snapshot.NewProbe(changing().Encode(), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	i := start(t, loadBytes(t, e, "probe", p.Module), &guest{}, InstanceConfig{})
	call(t, i, "init")
	state := &snapshot.State{Functions: map[snapshot.Reference]uint32{}, Tables: map[uint32][]uint32{}}
	for _, name := range p.Globals {
		state.Globals = append(state.Globals, i.Global(name))
	}
	for _, r := range p.References {
		function, ok := i.FunctionOf(r.Name)
		if !ok {
			t.Errorf("%v can't be told", r)
		}
		state.Functions[r] = function
	}
	for _, table := range p.Tables {
		functions, more, ok := i.TableFunctions(table, 0)
		if more || !ok {
			t.Errorf("table %d can't be told", table)
		}
		state.Tables[table] = functions
	}
	const none = meter.NoFunction
	if got, want := state.Tables[0], []uint32{2, none, 4, 5, none, 3, 0, 0}; !slices.Equal(got, want) {
		t.Errorf("table 0 has %d, want %d", got, want)
	}
	if got := state.Tables[1]; !slices.Equal(got, []uint32{none, none, none, none}) {
		t.Errorf("table 1 has %d", got)
	}

	out, err := p.Snapshot(state, snapshot.Options{Hidden: []string{"init"}})
	if err != nil {
		t.Fatal(err)
	}
	g := &guest{call: func(_ *guest, arg uint32) uint32 { return 10 * arg }}
	s := start(t, loadBytes(t, e, "snapshot", out), g, InstanceConfig{})
	if got, _, _ := s.TableFunctions(0, 0); !slices.Equal(got, state.Tables[0]) {
		t.Errorf("table 0 of the snapshot has %d", got)
	}
	for export, want := range map[string]uint64{"through": 2, "size": 4} {
		if got := call(t, s, export); got != want {
			t.Errorf("%s returns %d, want %d", export, got, want)
		}
	}
	if got := call(t, s, "call", 5); got != 1 {
		t.Errorf("element 5 returns %d, want 1", got)
	}
	if _, err := s.Call("call", 1); err == nil {
		t.Error("element 1 is not null")
	}
}

// TestLargeTableInPieces: a table is read in pieces.
func TestLargeTableInPieces(t *testing.T) {
	const n = 2*elementPiece + 7
	i := start(t, loadModule(t, newEngine(t, Config{}), counting(n)), &guest{}, InstanceConfig{})
	var all []uint32
	for more := true; more; {
		piece, left, ok := i.TableFunctions(0, len(all))
		if !ok || len(piece) > elementPiece {
			t.Fatal(len(piece), ok)
		}
		all, more = append(all, piece...), left
	}
	for at, function := range all {
		if function != uint32(2+at) {
			t.Fatalf("element %d is function %d", at, function)
		}
	}
	if len(all) != n {
		t.Errorf("%d elements of %d", len(all), n)
	}
	if _, _, ok := i.TableFunctions(1, 0); ok {
		t.Error("there is a table 1")
	}
}
