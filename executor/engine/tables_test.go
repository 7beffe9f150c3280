package engine

import (
	"errors"
	"io"
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
	made, referrer := 0, newTableFiller(i.guest, &m.records).referrer
	for _, records := range i.records {
		for r := range records {
			reference := referrer.FunctionInstanceReference(records[r].index)
			if wazero := **(**functionRecord)(unsafe.Pointer(&reference)); wazero != records[r] {
				t.Fatalf("the record of function %d is %v, and %v of wazero", records[r].index, records[r], wazero)
			}
			made++
		}
	}
	if made != n {
		t.Errorf("%d records for %d elements", made, n)
	}
	runtime.GC() // nothing but the instance has them
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

// TestTablesWithoutRecords: if the engine does not know what a record is, wazero makes them.
func TestTablesWithoutRecords(t *testing.T) {
	const n = 3 * elementPiece / 2
	m := loadModule(t, newEngine(t, Config{}), counting(n))
	m.records.once.Do(func() {})
	i := start(t, m, &guest{}, InstanceConfig{})
	if len(i.records) != 0 {
		t.Error("the engine made records")
	}
	runtime.GC()
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

	g = &guest{quantum: quantum}
	g.preempt = func() error {
		if g.preempts == 3 {
			return io.ErrNoProgress
		}
		return nil
	}
	i, err := m.Instantiate(InstanceConfig{Host: g})
	if err != nil {
		t.Fatal(err)
	}
	defer i.Close()
	if err := i.Start(); err != io.ErrNoProgress {
		t.Errorf("ended as %v", err)
	}
	if _, err := i.Call("same", 0); err != errEnded {
		t.Errorf("a call after that: %v", err)
	}
	if most := 4 * quantum / int(elementCost*elementPiece); len(i.records) > most {
		t.Errorf("%d pieces were written", len(i.records))
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
	if len(i.records) != 10 || i.Burnt() != price {
		t.Errorf("%d pieces written for %d units, want 10 for %d", len(i.records), i.Burnt(), price)
	}
	if b, _ := i.Memory().Read(0, 1); b[0] != 0 {
		t.Error("its data was written")
	}

	if i, err = begin(price/2+segmentCost, func() error { return io.ErrNoProgress }); err != io.ErrNoProgress {
		t.Errorf("with half of the fuel it ended as %v", err)
	}
	if len(i.records) != 5 {
		t.Errorf("with half of the fuel %d pieces were written", len(i.records))
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
