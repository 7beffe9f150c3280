package engine

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/meter"
)

// wazero evaluates a constant expression for each element of a table and makes a record of the function that it refers
// to, with three allocations, in one piece that nothing interrupts: 0.2 us for each element. So the pass takes the active
// element segments out of the module, and the engine writes them to the tables, with one allocation for the records of a
// piece.
//
// Tables are exported fields of a private struct. If they are not as expected, the pass leaves the segments to wazero.
// What a record consists of is in private fields, too. If those are not as expected, or a record made of them differs
// from wazero's, wazero makes the records one by one. TestTables fails when wazero has changed.

const (
	// elementPiece is the number of table elements written between two fuel checks.
	elementPiece = 1 << 10
	// elementCost is the fuel for an element: its slot and its record are memory that was not touched before.
	elementCost = (8 + recordBytes) * byteCost

	recordBytes = int64(unsafe.Sizeof(functionRecord{}))
)

// referrer makes a record of a function, which lives as long as the instance, and returns its address.
type referrer interface {
	FunctionInstanceReference(function uint32) uintptr
}

// hasTables reports whether tables can be found in wazero's instances, of which it gets that of a host module.
func hasTables(host api.Module) bool {
	instance, ok := field(reflect.ValueOf(host), "Module") // that host wraps
	if !ok {
		return false
	}
	engine, ok1 := field(instance, "Engine")
	tables, ok2 := field(instance, "Tables")
	if !ok1 || !ok2 || !engine.CanInterface() || !tables.CanInterface() {
		return false
	}
	if _, ok := engine.Interface().(referrer); !ok {
		return false
	}
	t := tables.Type()
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Pointer || t.Elem().Elem().Kind() != reflect.Struct {
		return false
	}
	references, ok := t.Elem().Elem().FieldByName("References")
	return ok && references.Type == reflect.TypeFor[[]uintptr]()
}

// functionRecord is wazero's record of a function that the module defines. In wazero the first two are pointers. Here they
// are not, so that the garbage collector need not read the records: the instance has both anyway.
type functionRecord struct {
	code    uintptr
	context uintptr // of the instance
	typ     uint32
	index   uint32
}

// functionRecords makes records of a module's functions.
type functionRecords struct {
	once     sync.Once // sets the rest, with the first instance
	known    bool      // otherwise wazero makes the records
	imported uint32    // number of imported functions; the first of the others has this index
	code     []byte
	offsets  []int    // of each defined function in code
	types    []uint32 // of each defined function, in typeIDs
	typeIDs  []uint32
}

// find sets r from an instance.
func (r *functionRecords) find(guest api.Module) {
	engine, _ := field(reflect.ValueOf(guest), "Engine")
	records, ok := field(engine, "localFunctionInstances")
	if !ok || !isRecords(records.Type()) {
		return
	}
	source, ok1 := field(reflect.ValueOf(guest), "Source")
	types, ok2 := field(source, "FunctionSection")
	typeIDs, ok3 := field(reflect.ValueOf(guest), "TypeIDs")
	imported, ok4 := field(source, "ImportFunctionCount")
	if !ok1 || !ok2 || !ok3 || !ok4 || imported.Kind() != reflect.Uint32 {
		return
	}
	r.imported = uint32(imported.Uint())
	r.code, r.offsets = machineCode(guest)
	r.types, ok1 = viewOf[uint32](types)
	r.typeIDs, ok2 = viewOf[uint32](typeIDs)
	context := contextOf(engine)
	if !ok1 || !ok2 || len(r.types) == 0 || len(r.types) != len(r.offsets) || context == 0 {
		return
	}
	made := engine.Interface().(referrer).FunctionInstanceReference(r.imported)
	r.known = r.record(r.imported, context) == **(**functionRecord)(unsafe.Pointer(&made))
}

// record returns the record of a defined function.
func (r *functionRecords) record(function uint32, context uintptr) functionRecord {
	defined := function - r.imported
	code := uintptr(unsafe.Pointer(&r.code[r.offsets[defined]]))
	return functionRecord{code, context, r.typeIDs[r.types[defined]], function}
}

// contextOf returns what records of an instance have as their context, or zero.
func contextOf(engine reflect.Value) uintptr {
	context, ok := field(engine, "opaquePtr")
	if !ok || context.Kind() != reflect.Pointer {
		return 0
	}
	return context.Pointer()
}

// isRecords reports whether t is a slice of pointers to structs that are like functionRecord.
func isRecords(t reflect.Type) bool {
	want := reflect.TypeFor[functionRecord]()
	if t.Kind() != reflect.Slice || t.Elem().Kind() != reflect.Pointer {
		return false
	}
	have := t.Elem().Elem()
	if have.Kind() != reflect.Struct || have.Size() != want.Size() || have.NumField() != want.NumField() {
		return false
	}
	for i, expected := range []struct {
		name string
		kind reflect.Kind
	}{
		{"executable", reflect.Pointer}, {"moduleContextOpaquePtr", reflect.Pointer},
		{"typeID", reflect.Uint32}, {"indexInModule", reflect.Uint32},
	} {
		f := have.Field(i)
		if f.Name != expected.name || f.Type.Kind() != expected.kind || f.Offset != want.Field(i).Offset {
			return false
		}
	}
	return true
}

// viewOf returns a slice of numbers in a private field.
func viewOf[T any](v reflect.Value) ([]T, bool) {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.TypeFor[T]().Kind() {
		return nil, false
	}
	return unsafe.Slice((*T)(v.UnsafePointer()), v.Len()), true
}

// fillTables writes the active element segments to the tables, in pieces.
func (i *Instance) fillTables() error {
	segments := i.module.info.ElementSegments
	if len(segments) == 0 {
		return nil
	}
	records := &i.module.records
	records.once.Do(func() { records.find(i.guest) })
	filler := newTableFiller(i.guest, records)
	for n := range segments {
		s := &segments[n]
		table := filler.table(s.Table)
		if uint64(s.Offset)+uint64(len(s.Functions)) > uint64(len(table)) {
			return &Trap{Code: InvalidTableAccess, Message: InvalidTableAccess.String()}
		}
		if err := i.burn(segmentCost); err != nil {
			return err
		}
		table = table[s.Offset:]
		for rest := s.Functions; len(rest) > 0; {
			piece := rest[:min(len(rest), elementPiece)]
			if err := i.burn(int64(len(piece)) * elementCost); err != nil {
				return err
			}
			if made := filler.fill(table, piece); made != nil {
				i.records = append(i.records, made)
			}
			table, rest = table[len(piece):], rest[len(piece):]
		}
	}
	return nil
}

// tableFiller fills the tables of an instance.
type tableFiller struct {
	records  *functionRecords
	tables   reflect.Value
	referrer referrer
	context  uintptr
}

func newTableFiller(guest api.Module, records *functionRecords) *tableFiller {
	tables, _ := field(reflect.ValueOf(guest), "Tables")
	engine, _ := field(reflect.ValueOf(guest), "Engine")
	return &tableFiller{records, tables, engine.Interface().(referrer), contextOf(engine)}
}

// table returns the elements of a table.
func (f *tableFiller) table(n uint32) []uintptr {
	references, _ := field(f.tables.Index(int(n)), "References")
	return references.Interface().([]uintptr)
}

// fill writes references to the functions to the beginning of the table. It returns the records that it made; the caller
// must keep them as long as the table.
func (f *tableFiller) fill(table []uintptr, functions []uint32) (made []functionRecord) {
	r := f.records
	for i, function := range functions {
		switch {
		case function == meter.NoFunction:
			table[i] = 0
		case !r.known || function < r.imported:
			table[i] = f.referrer.FunctionInstanceReference(function)
		default:
			if made == nil {
				made = make([]functionRecord, len(functions))
			}
			made[i] = r.record(function, f.context)
			table[i] = uintptr(unsafe.Pointer(&made[i]))
		}
	}
	return made
}
