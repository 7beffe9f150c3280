package meter_test

import (
	"testing"

	"github.com/reactord/reactord/executor/engine/meter"
	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

const largeTable, largeSegment = 300_000, 20_000

// largeTables is a module whose tables are too large for operations in one piece. Its exports do one operation each, with
// three arguments; sum returns a checksum of which elements of both tables are null.
func largeTables() []byte {
	ends := func(code ...byte) []byte { return append(code, 0x0b) }
	var items wasm.Code
	for i := range largeSegment {
		if i*i%7 < 3 {
			items.Index(wasm.OpRefFunc, 0)
		} else {
			items.Raw(byte(wasm.OpRefNull), byte(wasm.FuncRef))
		}
		items.Op(wasm.OpEnd)
	}
	size := wasm.Bounds{Min: largeTable}
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}}, {Results: []wasm.ValType{wasm.I32}}, {}},
		Functions: []uint32{2},
		Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: size}, {Elem: wasm.FuncRef, Size: size}},
		Elements:  []wasm.Element{{Mode: wasm.Passive, Type: wasm.FuncRef, Count: largeSegment, Exprs: wasm.Expr{Code: items}}},
		Bodies:    []wasm.Body{{Code: ends()}},
	}
	export := func(name string, t uint32, locals uint32, code []byte) {
		m.Exports = append(m.Exports, wasm.Export{Name: name, Kind: wasm.FuncExtern, Index: uint32(len(m.Functions))})
		m.Functions = append(m.Functions, t)
		m.Bodies = append(m.Bodies, wasm.Body{Locals: []wasm.LocalGroup{{Count: locals, Type: wasm.I32}}, Code: ends(code...)})
	}
	arguments := []byte{0x20, 0, 0x20, 1, 0x20, 2}
	operation := func(name string, code ...byte) { export(name, 0, 1, append(arguments[:6:6], code...)) }
	operation("init", 0xfc, 12, 0, 0)
	operation("move", 0xfc, 14, 0, 0)
	operation("copy", 0xfc, 14, 1, 0)
	export("fill", 0, 1, []byte{0x20, 0, 0x20, 1, 0x25, 0, 0x20, 2, 0xfc, 17, 0})
	var sum wasm.Code // i in local 0, the sum in local 1
	sum.Begin(wasm.OpLoop)
	for _, table := range []byte{0, 1} {
		sum.Raw(0x20, 1, 0x41, 5, 0x77) // rotl
		sum.Raw(0x20, 0, 0x25, table, 0xd1, 0x6a, 0x21, 1)
	}
	sum.Raw(0x20, 0, 0x41, 1, 0x6a, 0x22, 0)
	sum.I32Const(largeTable)
	sum.Raw(0x49, 0x0d, 0, 0x0b, 0x20, 1)
	export("sum", 1, 2, sum)
	return m.Encode()
}

// TestLargeTablesStayTheSame compares metered operations on large tables, which are done in pieces, with the originals.
func TestLargeTablesStayTheSame(t *testing.T) {
	var calls []call
	add := func(name string, args ...uint64) { calls = append(calls, call{name, args}, call{"sum", nil}) }
	for _, n := range []uint64{0, 1, 4096, 4097, largeSegment, largeSegment + 1, 1<<32 - 1} {
		add("init", 10, 0, n)
		add("init", largeTable-n, 3, n)
		add("init", 0, largeSegment-n, n)
	}
	for _, d := range []struct{ to, from, n uint64 }{
		{0, 5, 10_000}, {5, 0, 10_000}, {4000, 0, 4097}, {0, 4000, 4097}, {0, 0, largeTable}, {1, 0, largeTable - 1},
		{0, 1, largeTable - 1}, {1, 0, largeTable}, {0, 1, largeTable}, {200_000, 10, 100_000}, {200_001, 10, 100_000}, {1<<32 - 1, 0, 5000},
	} {
		add("move", d.to, d.from, d.n)
		add("copy", d.to, d.from, d.n)
	}
	for _, n := range []uint64{0, 4096, 4097, 100_000, largeTable - 3, largeTable, 1<<32 - 1} {
		add("fill", 3, 10, n)
		add("fill", 100, 12, n)
	}
	binary := largeTables()
	want := play(t, newTestHost(t, 0), plain(binary), calls)
	h := newTestHost(t, 5000)
	got := play(t, h, rewrite(t, binary), calls)
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got %s\nwant %s", got[i], want[i])
		}
	}
	if h.overshot > maxOvershoot {
		t.Errorf("%d units burnt beyond a quantum", h.overshot)
	}
}

// TestTablesMayGrow: code may grow a table up to the limit, and not at all a table that starts above it.
func TestTablesMayGrow(t *testing.T) {
	module := func(size wasm.Bounds) []byte {
		return (&wasm.Module{
			Types:     []wasm.FuncType{{}},
			Functions: []uint32{0},
			Tables:    []wasm.TableType{{Elem: wasm.FuncRef, Size: size}},
			Bodies:    []wasm.Body{{Code: []byte{0xd0, 0x70, 0x41, 1, 0xfc, 15, 0, 0x1a, 0x0b}}},
		}).Encode()
	}
	limits := meter.Limits{TableElements: 5000, TableGrowth: 100}
	for _, tt := range []struct {
		size wasm.Bounds
		want uint64
	}{
		{wasm.Bounds{Min: 1}, 100},
		{wasm.Bounds{Min: 1, Max: 50, HasMax: true}, 50},
		{wasm.Bounds{Min: 1, Max: 5000, HasMax: true}, 100},
		{wasm.Bounds{Min: 4000, Max: 5000, HasMax: true}, 4000},
	} {
		_, info, err := meter.Rewrite(module(tt.size), meter.Options{Limits: limits})
		if err != nil {
			t.Fatal(err)
		}
		if info.TableElements != tt.want {
			t.Errorf("%v: %d elements, want %d", tt.size, info.TableElements, tt.want)
		}
	}
}
