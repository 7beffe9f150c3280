package snapshot_test

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"
	"github.com/tetratelabs/wazero/experimental"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
	"github.com/reactord/reactord/executor/engine/snapshot"
)

const features = api.CoreFeaturesV2 | experimental.CoreFeaturesTailCall | experimental.CoreFeaturesExtendedConst

// Types of the modules of tests, by their indices.
const (
	procedure = iota // () -> ()
	number           // () -> i32
)

// expr is a constant expression.
func expr(op wasm.Op, immediate ...byte) wasm.Expr {
	code := wasm.AppendOp(nil, op)
	return wasm.Expr{Code: append(append(code, immediate...), byte(wasm.OpEnd))}
}

// function adds an exported function.
func function(m *wasm.Module, name string, t uint32, code wasm.Code) {
	code.Op(wasm.OpEnd)
	m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(len(m.Bodies))})
	m.Functions = append(m.Functions, t)
	m.Bodies = append(m.Bodies, wasm.Body{Code: code})
}

// base is a module with a memory of one page, which can have three.
func base() *wasm.Module {
	return &wasm.Module{
		Types:    []wasm.FuncType{{}, {Results: []wasm.ValType{wasm.I32}}},
		Memories: []wasm.MemoryType{{Size: wasm.Bounds{Min: 1, Max: 3, HasMax: true}}},
		Exports:  []wasm.Export{{Name: "memory", Kind: wasm.MemoryExtern}},
	}
}

func i32(v int32) wasm.Expr { return expr(wasm.OpI32Const, wasm.AppendS64(nil, int64(v))...) }

// instantiate makes an instance of a module that imports nothing.
func instantiate(t testing.TB, binary []byte) api.Module {
	t.Helper()
	r := wazero.NewRuntimeWithConfig(context.Background(), wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(features))
	t.Cleanup(func() { r.Close(context.Background()) })
	m, err := r.InstantiateWithConfig(context.Background(), binary, wazero.NewModuleConfig().WithStartFunctions())
	if err != nil {
		t.Fatalf("the module does not start: %v", err)
	}
	return m
}

func call(t testing.TB, m api.Module, name string) []uint64 {
	t.Helper()
	results, err := m.ExportedFunction(name).Call(context.Background())
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return results
}

// stateOf reads the state of an instance of a probe.
func stateOf(t testing.TB, p *snapshot.Probe, m api.Module) *snapshot.State {
	t.Helper()
	state := &snapshot.State{}
	for _, name := range p.Globals {
		state.Globals = append(state.Globals, m.ExportedGlobal(name).Get())
	}
	if m.Memory() != nil {
		b, _ := m.Memory().Read(0, m.Memory().Size())
		memory, err := memoryOf(p, b, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		state.Memory = memory
	}
	return state
}

// memoryOf takes a memory that holds something.
func memoryOf(p *snapshot.Probe, holds []byte, limit int) (*snapshot.Memory, error) {
	memory := p.NewMemory(limit)
	for piece := range slices.Chunk(holds, 10<<10) {
		if err := memory.Append(piece); err != nil {
			return nil, err
		}
	}
	return memory, memory.Fill(func(offset uint64, into []byte) error {
		copy(into, holds[offset:])
		return nil
	})
}

// snapshotOf runs "init" of a module and returns the snapshot without it.
func snapshotOf(t testing.TB, m *wasm.Module) ([]byte, error) {
	t.Helper()
	p, err := snapshot.NewProbe(m.Encode(), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	instance := instantiate(t, p.Module)
	call(t, instance, "init")
	return p.Snapshot(stateOf(t, p, instance), snapshot.Options{Hidden: []string{"init"}})
}

// decoded decodes a snapshot.
func decoded(t testing.TB, binary []byte, err error) *wasm.Module {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	m, err := wasm.Decode(binary, wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestGlobals(t *testing.T) {
	m := base()
	var code wasm.Code
	for i, g := range []struct {
		t           wasm.ValType
		first, then wasm.Expr
	}{
		{wasm.I32, i32(1), i32(-5)},
		{wasm.I64, expr(wasm.OpI64Const, 1), expr(wasm.OpI64Const, wasm.AppendS64(nil, -1<<63)...)},
		{wasm.F32, expr(wasm.OpF32Const, 0, 0, 0, 0), expr(wasm.OpF32Const, 1, 0, 0xa0, 0x7f)}, // a signalling NaN
		{wasm.F64, expr(wasm.OpF64Const, 0, 0, 0, 0, 0, 0, 0, 0), expr(wasm.OpF64Const, 0, 0, 0, 0, 0, 0, 0, 0x80)},
		{wasm.FuncRef, expr(wasm.OpRefNull, byte(wasm.FuncRef)), wasm.Expr{}},
	} {
		m.Globals = append(m.Globals, wasm.Global{Type: wasm.GlobalType{Type: g.t, Mutable: true}, Init: g.first})
		if g.then.Code != nil {
			code.Raw(g.then.Code[:len(g.then.Code)-1]...)
			code.Index(wasm.OpGlobalSet, uint32(i))
		}
	}
	m.Globals = append(m.Globals, wasm.Global{Type: wasm.GlobalType{Type: wasm.I32}, Init: i32(7)})
	function(m, "init", procedure, code)
	out, err := snapshotOf(t, m)
	got := decoded(t, out, err).Globals
	for i, want := range []string{
		"\x41\x7b\x0b", "\x42\x80\x80\x80\x80\x80\x80\x80\x80\x80\x7f\x0b", "\x43\x01\x00\xa0\x7f\x0b",
		"\x44\x00\x00\x00\x00\x00\x00\x00\x80\x0b", "\xd0\x70\x0b", "\x41\x07\x0b",
	} {
		if string(got[i].Init.Code) != want {
			t.Errorf("global %d starts with % x, want % x", i, got[i].Init.Code, want)
		}
	}
}

// store8 appends code that stores a byte.
func store8(code *wasm.Code, at, v int32) {
	code.I32Const(at)
	code.I32Const(v)
	code.Raw(0x3a, 0, 0)
}

func TestMemory(t *testing.T) {
	m := base()
	m.Data = []wasm.DataSegment{{Offset: i32(8), Bytes: []byte("was there")}}
	var code wasm.Code
	code.I32Const(1)
	code.Raw(byte(wasm.OpMemoryGrow), 0, byte(wasm.OpDrop))
	for at, v := range map[int32]int32{8: 0, 200: 1, 231: 2, 300: 3, 65535: 4, 65536: 5, 131071: 6} {
		store8(&code, at, v)
	}
	function(m, "init", procedure, code)
	out, err := snapshotOf(t, m)
	got := decoded(t, out, err)
	if size := got.Memories[0].Size; size != (wasm.Bounds{Min: 2, Max: 3, HasMax: true}) {
		t.Errorf("the memory is %v", size)
	}
	type segment struct{ offset, bytes string }
	var segments []segment
	for _, d := range got.Data {
		segments = append(segments, segment{string(d.Offset.Code), string(d.Bytes)})
	}
	gap := strings.Repeat("\x00", 30)
	want := []segment{
		{string(i32(9).Code), "as there"}, {string(i32(200).Code), "\x01" + gap + "\x02"}, {string(i32(300).Code), "\x03"},
		{string(i32(65535).Code), "\x04\x05"}, {string(i32(131071).Code), "\x06"},
	}
	if !slices.Equal(segments, want) {
		t.Errorf("segments are\n%q\nwant\n%q", segments, want)
	}
}

// TestManySegments: there is a bound on segments, however the memory is filled, and what is between them that are far apart
// does not become data before what is between nearer ones.
func TestManySegments(t *testing.T) {
	for name, c := range map[string]struct {
		spots, apart, passive int
		segments, bytes       int // at most
	}{
		"as many as there may be": {snapshot.MaxSegments, 256, 0, snapshot.MaxSegments, snapshot.MaxSegments},
		"a few more":              {snapshot.MaxSegments + 10, 1024, 0, snapshot.MaxSegments, snapshot.MaxSegments + 10*1025},
		"many":                    {5 * snapshot.MaxSegments, 256, 0, snapshot.MaxSegments, 5 * snapshot.MaxSegments * 257},
		"there are others":        {200, 1024, 99_900, 100_000, 200 + 100*1025},
	} {
		t.Run(name, func(t *testing.T) {
			pages := (c.spots*c.apart + 65535) / 65536
			filled := make([]byte, pages<<16)
			for i := range c.spots {
				filled[c.apart*i+i%2] = 1
			}
			m := base()
			m.Memories[0].Size = wasm.Bounds{Min: uint32(pages), Max: 1 << 12, HasMax: true}
			if c.passive > 0 {
				count := uint32(c.passive)
				m.Data, m.DataCount = slices.Repeat([]wasm.DataSegment{{Passive: true}}, c.passive), &count
			}
			function(m, "init", procedure, nil)
			p, err := snapshot.NewProbe(m.Encode(), wasm.Limits{})
			if err != nil {
				t.Fatal(err)
			}
			memory, err := memoryOf(p, filled, 64<<20)
			if err != nil {
				t.Fatal(err)
			}
			out, err := p.Snapshot(&snapshot.State{Memory: memory}, snapshot.Options{})
			total, data := 0, decoded(t, out, err).Data
			for i := range data {
				total += len(data[i].Bytes)
			}
			if len(data) > c.segments || total > c.bytes {
				t.Errorf("there are %d segments of %d bytes, want at most %d of %d", len(data), total, c.segments, c.bytes)
			}
			got, _ := instantiate(t, out).Memory().Read(0, uint32(len(filled)))
			if !bytes.Equal(got, filled) {
				t.Error("the memory is not the same")
			}
		})
	}
}

func TestTooMuchMemory(t *testing.T) {
	m := base()
	function(m, "init", procedure, nil)
	p, err := snapshot.NewProbe(m.Encode(), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	sparse := make([]byte, 512*snapshot.MaxSegments)
	for i := range 2 * snapshot.MaxSegments {
		sparse[256*i] = 1
	}
	for name, holds := range map[string][]byte{
		"all":                    bytes.Repeat([]byte{1}, 1<<20+32),
		"in too many segments":   sparse,
		"none of which is small": bytes.Repeat(append(make([]byte, 1<<10), bytes.Repeat([]byte{1}, 1<<10)...), 1<<10+1),
	} {
		_, err := memoryOf(p, holds, 1<<20)
		if fault, ok := errors.AsType[*wasm.Error](err); !ok || fault.Kind != wasm.TooLarge {
			t.Errorf("%s: the error is %v", name, err)
		}
	}
	if _, err := memoryOf(p, bytes.Repeat([]byte{1}, 1<<20), 1<<20); err != nil {
		t.Error(err)
	}
}

// withSegments has a passive data segment and passive elements that "init" can drop, and a function for each of them
// that uses them.
func withSegments(init func(*wasm.Code)) *wasm.Module {
	m := base()
	m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: 4}}}
	m.Data = []wasm.DataSegment{{Offset: i32(0), Bytes: []byte("active")}, {Passive: true, Bytes: []byte("passive")}}
	two := uint32(2)
	m.DataCount = &two
	m.Elements = []wasm.Element{
		{Offset: i32(0), Funcs: []uint32{0, 1}}, {Mode: wasm.Passive, Funcs: []uint32{1}},
	}
	var code wasm.Code
	init(&code)
	function(m, "init", procedure, code)
	for segment, name := range []string{"active data", "passive data"} {
		code = nil
		code.I32Const(100)
		code.I32Const(0)
		code.I32Const(6)
		code.Op(wasm.OpMemoryInit)
		code.Raw(byte(segment), 0)
		function(m, name, procedure, code)
	}
	code = nil
	code.I32Const(3)
	code.I32Const(0)
	code.I32Const(1)
	code.Op(wasm.OpTableInit)
	code.Raw(1, 0)
	function(m, "passive elements", procedure, code)
	return m
}

func TestDroppedSegments(t *testing.T) {
	for _, tt := range []struct {
		name  string
		init  func(*wasm.Code)
		works map[string]bool
	}{
		{"none", func(*wasm.Code) {}, map[string]bool{"passive data": true, "passive elements": true}},
		{"data", func(c *wasm.Code) { c.Index(wasm.OpDataDrop, 1) }, map[string]bool{"passive elements": true}},
		{"elements", func(c *wasm.Code) { c.Index(wasm.OpElemDrop, 1) }, map[string]bool{"passive data": true}},
		{"not executed", func(c *wasm.Code) {
			c.Op(wasm.OpReturn)
			c.Index(wasm.OpDataDrop, 1)
			c.Index(wasm.OpElemDrop, 1)
		}, map[string]bool{"passive data": true, "passive elements": true}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out, err := snapshotOf(t, withSegments(tt.init))
			if err != nil {
				t.Fatal(err)
			}
			m := instantiate(t, out)
			for _, name := range []string{"active data", "passive data", "passive elements"} {
				_, err := m.ExportedFunction(name).Call(context.Background())
				if (err == nil) != tt.works[name] {
					t.Errorf("%s: %v", name, err)
				}
			}
		})
	}
}

func TestStateThatCannotBeRead(t *testing.T) {
	reference := func(c *wasm.Code) { c.Index(wasm.OpRefFunc, 0) }
	for _, tt := range []struct{ name, want string }{
		{"table.set", "table 0 was changed"}, {"table.fill", "table 0 was changed"}, {"table.grow", "table 0 was changed"},
		{"table.copy", "table 0 was changed"}, {"table.init", "table 0 was changed"},
		{"funcref", "global 0, of type funcref, was changed"}, {"v128", "global 1, of type v128, was changed"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			m := withSegments(func(c *wasm.Code) {
				switch tt.name {
				case "table.set":
					c.I32Const(2)
					reference(c)
					c.Index(wasm.OpTableSet, 0)
				case "table.fill":
					c.I32Const(2)
					reference(c)
					c.I32Const(1)
					c.Index(wasm.OpTableFill, 0)
				case "table.grow":
					reference(c)
					c.I32Const(1)
					c.Index(wasm.OpTableGrow, 0)
					c.Op(wasm.OpDrop)
				case "table.copy", "table.init":
					c.I32Const(2)
					c.I32Const(0)
					c.I32Const(1)
					if tt.name == "table.copy" {
						c.Op(wasm.OpTableCopy)
						c.Raw(0, 0)
					} else {
						c.Op(wasm.OpTableInit)
						c.Raw(1, 0)
					}
				case "funcref":
					reference(c)
					c.Index(wasm.OpGlobalSet, 0)
				case "v128":
					c.Raw(0xfd, 12)
					c.Raw(make([]byte, 16)...)
					c.Index(wasm.OpGlobalSet, 1)
				}
			})
			m.Globals = []wasm.Global{
				{Type: wasm.GlobalType{Type: wasm.FuncRef, Mutable: true}, Init: expr(wasm.OpRefNull, byte(wasm.FuncRef))},
				{Type: wasm.GlobalType{Type: wasm.V128, Mutable: true}, Init: wasm.Expr{Code: append(append([]byte{0xfd, 12}, make([]byte, 16)...), 0x0b)}},
			}
			_, err := snapshotOf(t, m)
			state, ok := errors.AsType[*snapshot.StateError](err)
			if !ok || !slices.Equal(state.What, []string{tt.want}) {
				t.Errorf("the error is %v, want that %s", err, tt.want)
			}
		})
	}
}

// TestGapsInTables: a module has room for so many element segments.
func TestGapsInTables(t *testing.T) {
	m := withSegments(func(c *wasm.Code) {
		c.I32Const(2)
		c.Index(wasm.OpRefFunc, 0)
		c.Index(wasm.OpTableSet, 0)
	})
	p, err := snapshot.NewProbe(m.Encode(), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for pieces, want := range map[int]string{1000: "", 100_000: "table 0 has gaps between its functions, more than 100000"} {
		state := &snapshot.State{
			Globals: slices.Repeat([]uint64{1}, len(p.Globals)),
			Tables:  map[uint32][]uint32{0: slices.Repeat([]uint32{wasm.NoFunction, 0}, pieces)},
		}
		out, err := p.Snapshot(state, snapshot.Options{})
		if want == "" {
			if n := len(decoded(t, out, err).Elements); n < pieces || n > pieces+len(m.Elements)+1 {
				t.Errorf("there are %d element segments, want one for each of %d functions", n, pieces)
			}
			continue
		}
		if e, ok := errors.AsType[*snapshot.StateError](err); !ok || !slices.Equal(e.What, []string{want}) {
			t.Errorf("the error is %v, want that %s", err, want)
		}
	}
}

func TestUnchangedTablesStay(t *testing.T) {
	m := withSegments(func(*wasm.Code) {})
	var code wasm.Code
	code.I32Const(0)
	code.Raw(byte(wasm.OpCallIndirect), procedure, 0)
	function(m, "indirect", procedure, code)
	out, err := snapshotOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	call(t, instantiate(t, out), "indirect")
}

// TestHiddenFunction: code may refer only to functions that are declared somewhere, as by an export that the snapshot
// does not have.
func TestHiddenFunction(t *testing.T) {
	m := base()
	function(m, "init", procedure, nil)
	var code wasm.Code
	code.Index(wasm.OpRefFunc, 0)
	code.Op(wasm.OpRefIsNull)
	function(m, "refer", number, code)
	out, err := snapshotOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	instance := instantiate(t, out)
	if got := call(t, instance, "refer"); got[0] != 0 {
		t.Error("the reference is null")
	}
	if instance.ExportedFunction("init") != nil {
		t.Error("init is still exported")
	}
}

// TestStartRunsOnce: a start function is part of what has been done.
func TestStartRunsOnce(t *testing.T) {
	m := base()
	m.Globals = []wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: i32(0)}}
	var code wasm.Code
	code.Index(wasm.OpGlobalGet, 0)
	code.I32Const(1)
	code.Op(wasm.OpI32Add)
	code.Index(wasm.OpGlobalSet, 0)
	function(m, "count", procedure, code)
	code = nil
	code.Index(wasm.OpGlobalGet, 0)
	function(m, "get", number, code)
	function(m, "init", procedure, nil)
	zero := uint32(0)
	m.Start = &zero
	out, err := snapshotOf(t, m)
	if err != nil {
		t.Fatal(err)
	}
	if got := call(t, instantiate(t, out), "get"); got[0] != 1 {
		t.Errorf("the start function ran %d times", got[0])
	}
}

// TestTheRestIsCopied: what a snapshot does not change keeps its bytes.
func TestTheRestIsCopied(t *testing.T) {
	m := withSegments(func(*wasm.Code) {})
	custom := func(name, data string) string {
		payload := string(wasm.AppendU32(nil, uint32(len(name)))) + name + data
		return "\x00" + string(wasm.AppendU32(nil, uint32(len(payload)))) + payload
	}
	encoded := string(m.Encode())
	binary := encoded[:8] + custom("first", "1") + encoded[8:] + custom("reactord.snapshot", "old") + custom("producers", "me")
	p, err := snapshot.NewProbe([]byte(binary), wasm.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	state := stateOf(t, p, instantiate(t, p.Module))
	options := snapshot.Options{Origin: &wasm.Custom{Name: "reactord.snapshot", Data: []byte("new")}}
	out, err := p.Snapshot(state, options)
	if err != nil {
		t.Fatal(err)
	}
	want := encoded[:8] + custom("first", "1")
	if !strings.HasPrefix(string(out), want) {
		t.Errorf("the snapshot begins % x, want % x", out[:len(want)], want)
	}
	if want = custom("producers", "me") + custom("reactord.snapshot", "new"); !strings.HasSuffix(string(out), want) {
		t.Errorf("the snapshot ends %q, want %q", out[len(out)-len(want):], want)
	}
	for _, id := range []byte{1, 3, 10} { // types, functions, code
		if !bytes.Equal(section(t, out, id), section(t, []byte(binary), id)) {
			t.Errorf("section %d is not the same", id)
		}
	}
	again, err := p.Snapshot(state, options)
	if err != nil || !bytes.Equal(out, again) {
		t.Errorf("the same state gives another module (%v)", err)
	}
}

// section returns a section's payload.
func section(t *testing.T, binary []byte, id byte) []byte {
	t.Helper()
	for rest := binary[8:]; len(rest) > 0; {
		size, n := 0, 1
		for shift := 0; ; n, shift = n+1, shift+7 {
			size |= int(rest[n]&0x7f) << shift
			if rest[n] < 0x80 {
				break
			}
		}
		payload := rest[n+1 : n+1+size]
		if rest[0] == id {
			return payload
		}
		rest = rest[n+1+size:]
	}
	t.Fatalf("there is no section %d", id)
	return nil
}

func TestRefusedModules(t *testing.T) {
	for _, tt := range []struct {
		want   string
		change func(*wasm.Module)
	}{
		{`snapshot at byte 0x0 is not supported: the global "m"."g" is imported`, func(m *wasm.Module) {
			m.Imports = []wasm.Import{{Module: "m", Name: "g", Kind: wasm.GlobalExtern, Global: wasm.GlobalType{Type: wasm.I32, Mutable: true}}}
		}},
		{`export "reactord.snapshot.0"`, func(m *wasm.Module) {
			m.Exports = append(m.Exports, wasm.Export{Name: "reactord.snapshot.0", Kind: wasm.MemoryExtern})
		}},
		{"the module has 20001 globals that may change", func(m *wasm.Module) {
			m.Globals = slices.Repeat([]wasm.Global{{Type: wasm.GlobalType{Type: wasm.I32, Mutable: true}, Init: i32(0)}}, 20_001)
		}},
	} {
		m := base()
		tt.change(m)
		if _, err := snapshot.NewProbe(m.Encode(), wasm.Limits{}); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("the error is %v, want %s", err, tt.want)
		}
	}
}
