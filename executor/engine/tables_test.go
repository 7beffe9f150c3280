package engine

import (
	"errors"
	"io"
	"reflect"
	"runtime"
	"testing"
	"unsafe"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// counting is a module whose table has n functions, each of which returns its own number. It exports "call", which calls an
// element, and after them the elements of segments.
func counting(n int, more ...wasm.Element) *wasm.Module {
	i32 := []wasm.ValType{wasm.I32}
	m := &wasm.Module{
		Types:     []wasm.FuncType{{Results: i32}, {Params: i32, Results: i32}},
		Imports:   []wasm.Import{{Module: "test", Name: "call", Func: 1}},
		Functions: []uint32{1},
		Exports:   []wasm.Export{{Name: "call", Index: 1}},
		Bodies:    []wasm.Body{{Code: []byte{0x20, 0, 0x11, 0, 0, 0x0b}}},
	}
	functions := make([]uint32, n)
	for i := range functions {
		functions[i] = uint32(2 + i)
		m.Functions = append(m.Functions, 0)
		m.Bodies = append(m.Bodies, wasm.Body{Code: append(wasm.AppendS64([]byte{0x41}, int64(i)), 0x0b)})
	}
	m.Elements = append([]wasm.Element{{Offset: zeroOffset, Funcs: functions}}, more...)
	m.Tables = []wasm.TableType{{Elem: wasm.FuncRef, Size: wasm.Bounds{Min: uint32(n)}}}
	return m
}

func tablesOf(i *Instance) *tableMaker {
	return newTableMaker(i.core.engine.fields, i.core.guest, &i.core.module.records, nil)
}

// elements returns the table of an instance.
func elements(i *Instance) []uintptr {
	tables, _ := field(reflect.ValueOf(i.core.guest), "Tables")
	references, _ := field(tables.Index(0), "References")
	return references.Interface().([]uintptr)
}

// written returns how many elements are not null.
func written(i *Instance) (n int) {
	for _, reference := range elements(i) {
		if reference != 0 {
			n++
		}
	}
	return n
}

func recordAt(reference uintptr) functionRecord {
	return **(**functionRecord)(unsafe.Pointer(&reference))
}

// TestTables fails when wazero has changed what tables and records of functions are.
func TestTables(t *testing.T) {
	e := newEngine(t, Config{})
	if !e.tables {
		t.Fatal("the tables of instances were not found")
	}
	const n = 3 * elementPiece / 2
	m := loadModule(t, e, counting(n))
	i := start(t, m, &guest{}, InstanceConfig{})
	if !m.records.known {
		t.Fatal("records of functions are not as expected")
	}
	if len(i.core.tables) != n*int(slotBytes+recordBytes) {
		t.Errorf("tables of %d bytes", len(i.core.tables))
	}
	for _, reference := range elements(i) {
		made := recordAt(reference)
		if wazero := recordAt(tablesOf(i).referrer.FunctionInstanceReference(made.index)); wazero != made {
			t.Fatalf("the record of function %d is %v, and %v of wazero", made.index, made, wazero)
		}
	}
	runtime.GC()
	for at := range uint64(n) {
		if got := call(t, i, "call", at); got != at {
			t.Fatalf("element %d is function %d", at, got)
		}
	}
}

// TestImportsInTables: an element may be an imported function, whose record wazero has.
func TestImportsInTables(t *testing.T) {
	m := loadModule(t, newEngine(t, Config{}), counting(2, wasm.Element{Offset: zeroOffset, Funcs: []uint32{0}}))
	i := start(t, m, &guest{}, InstanceConfig{})
	if got := call(t, i, "call", 1); got != 1 {
		t.Errorf("element 1 is function %d", got)
	}
	_, err := i.Call("call", 0) // which has a parameter
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != IndirectCallMismatch {
		t.Errorf("calling an import by another type: %v", err)
	}
}

// TestPassiveElements: code copies from passive segments, until it drops them.
func TestPassiveElements(t *testing.T) {
	const n = 3 * elementPiece / 2
	module := counting(n)
	module.Elements[0].Mode, module.Elements[0].Offset = wasm.Passive, wasm.Expr{}
	module.Types = append(module.Types, wasm.FuncType{Params: []wasm.ValType{wasm.I32, wasm.I32, wasm.I32}}, wasm.FuncType{})
	for name, code := range map[string][]byte{"init": {0x20, 0, 0x20, 1, 0x20, 2, 0xfc, 12, 0, 0, 0x0b}, "drop": {0xfc, 13, 0, 0x0b}} {
		module.Exports = append(module.Exports, wasm.Export{Name: name, Index: uint32(1 + len(module.Functions))})
		module.Functions = append(module.Functions, map[string]uint32{"init": 2, "drop": 3}[name])
		module.Bodies = append(module.Bodies, wasm.Body{Code: code})
	}
	m := loadModule(t, newEngine(t, Config{}), module)
	i := start(t, m, &guest{}, InstanceConfig{})
	runtime.GC()
	if m.info.Elements != 0 || written(i) != 0 {
		t.Errorf("%d elements are wazero's, and %d are in the table", m.info.Elements, written(i))
	}
	call(t, i, "init", 0, 10, n-10)
	if written(i) != n-10 {
		t.Errorf("%d elements were copied", written(i))
	}
	for at := range uint64(n - 10) {
		if got := call(t, i, "call", at); got != at+10 {
			t.Fatalf("element %d is function %d", at, got)
		}
	}
	call(t, i, "drop")
	call(t, i, "init", 0, 0, 0)
	_, err := i.Call("init", 0, 0, 1)
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != InvalidTableAccess {
		t.Errorf("a copy from a segment that was dropped: %v", err)
	}
}

// TestTablesThatGrow: a table keeps its elements when it grows.
func TestTablesThatGrow(t *testing.T) {
	const n = 3 * elementPiece / 2
	module := counting(n)
	module.Exports = append(module.Exports, wasm.Export{Name: "grow", Index: uint32(1 + len(module.Functions))})
	module.Functions = append(module.Functions, 1)
	module.Bodies = append(module.Bodies, wasm.Body{Code: []byte{0xd0, 0x70, 0x20, 0, 0xfc, 15, 0, 0x0b}})
	i := start(t, loadModule(t, newEngine(t, Config{}), module), &guest{}, InstanceConfig{})
	for size := uint64(n); size < 4*n; size += n {
		if got := call(t, i, "grow", n); got != size {
			t.Fatalf("it had %d elements, want %d", got, size)
		}
		runtime.GC()
		for at := range uint64(n) {
			if got := call(t, i, "call", at); got != at {
				t.Fatalf("element %d is function %d", at, got)
			}
		}
	}
}

// TestTablesWithoutRecords: if the engine does not know what a record is, wazero makes them.
func TestTablesWithoutRecords(t *testing.T) {
	const n = 3 * elementPiece / 2
	m := loadModule(t, newEngine(t, Config{}), counting(n))
	m.records.once.Do(func() {})
	i := start(t, m, &guest{}, InstanceConfig{})
	runtime.GC() // nothing but the instance has the records
	for at := range uint64(n) {
		if got := call(t, i, "call", at); got != at {
			t.Fatalf("element %d is function %d", at, got)
		}
	}
}

// TestTablesOfUnknownInstances: what is not as expected is not changed.
func TestTablesOfUnknownInstances(t *testing.T) {
	if hasTables(nil) {
		t.Error("tables were found in nothing")
	}
	e := newEngine(t, Config{})
	e.tables = false
	m := loadModule(t, e, counting(10))
	if m.info.TakenElements != 0 || m.info.Elements != 10 {
		t.Errorf("%d elements were taken out, and %d not", m.info.TakenElements, m.info.Elements)
	}
	if got := call(t, start(t, m, &guest{}, InstanceConfig{}), "call", 7); got != 7 {
		t.Errorf("element 7 is function %d", got)
	}
}

// TestTablesAreFilledInPieces: filling a table is work of the guest, which is charged, preempted and cancelled like its code.
func TestTablesAreFilledInPieces(t *testing.T) {
	const n, quantum = 1_000_000, 1_000_000
	m := loadModule(t, newEngine(t, Config{}), manyElements(n))
	g := &guest{quantum: quantum}
	start(t, m, g, InstanceConfig{})
	if turns := int(n * elementCost / quantum); g.preempts < turns-1 || g.preempts > turns+1 {
		t.Errorf("preempted %d times, want %d", g.preempts, turns)
	}

	i := cancelledInStart(t, m, quantum)
	if most := 4 * quantum / int(elementCost); written(i) > most {
		t.Errorf("%d elements were written", written(i))
	}
}

// TestElementsBeyondATable: segments are written in order, each if all of it fits; then the guest ends, and its data is not
// written. Fuel is taken for what was written.
func TestElementsBeyondATable(t *testing.T) {
	const n = 10 * elementPiece
	module := counting(n, wasm.Element{Offset: zeroOffset, Funcs: make([]uint32, n+1)}, wasm.Element{Offset: zeroOffset, Funcs: []uint32{1}})
	module.Memories = []wasm.MemoryType{{Size: wasm.Bounds{Min: 1}}}
	module.Data = []wasm.DataSegment{{Offset: zeroOffset, Bytes: []byte("data")}}
	m := loadModule(t, newEngine(t, Config{}), module)
	begin := func(fuel int64, preempt func() error) (*Instance, error) {
		i, err := m.Instantiate(InstanceConfig{Host: &guest{preempt: preempt}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(i.Close)
		i.Refill(fuel)
		return i, i.Start()
	}

	const price = n*elementCost + segmentCost
	i, err := begin(price+1, nil)
	if trap, ok := errors.AsType[*Trap](err); !ok || trap.Code != InvalidTableAccess {
		t.Errorf("ended as %v", err)
	}
	if written(i) != n || i.Burnt() != price {
		t.Errorf("%d elements written for %d units, want %d for %d", written(i), i.Burnt(), n, price)
	}
	if b, _ := i.Memory().Read(0, 1); b[0] != 0 {
		t.Error("its data was written")
	}

	if i, err = begin(price/2+segmentCost, func() error { return io.ErrNoProgress }); err != io.ErrNoProgress {
		t.Errorf("with half of the fuel it ended as %v", err)
	}
	if written(i) != n/2 {
		t.Errorf("with half of the fuel %d elements were written", written(i))
	}
}

// TestElementsAreCounted: what the elements of an instance take on the heap is counted as its memory.
func TestElementsAreCounted(t *testing.T) {
	e := newEngine(t, Config{})
	m := loadModule(t, e, manyElements(50_000))
	const instances = 20
	before := heapBytes()
	for range instances {
		start(t, m, &guest{}, InstanceConfig{})
	}
	took, counted := (heapBytes()-before)/instances, e.MemoryUsed()/instances
	t.Logf("an instance takes %d KiB, %d are counted", took>>10, counted>>10)
	if took > counted*5/4 {
		t.Errorf("an instance takes %d KiB, %d are counted", took>>10, counted>>10)
	}
}
