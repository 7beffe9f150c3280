package engine

import (
	"reflect"
	"sync"
	"unsafe"

	"github.com/tetratelabs/wazero/api"

	"github.com/reactord/reactord/executor/engine/memory"
	"github.com/reactord/reactord/executor/engine/meter"
)

// wazero evaluates a constant expression for each element of a table and makes a record of the function that it refers
// to, with three allocations, in one piece that nothing interrupts: 0.2 us for each element. So the pass leaves tables and
// element segments to the engine. All that belongs to them lies in one place, outside of the Go heap unless it is
// small: slots that nobody touches take no memory, and the garbage collector has nothing to do with the rest.
//
// Tables and passive segments are exported fields of a private struct. If they are not as expected, the pass leaves them
// to wazero. What a record consists of is in private fields, too. If those are not as expected, or a record made of them
// differs from wazero's, wazero makes the records one by one. TestTables fails when wazero has changed.

const (
	// elementPiece is the number of table elements written between two fuel checks.
	elementPiece = 1 << 10
	// elementCost is the fuel for an element: its slot and its record are memory that was not touched before.
	elementCost = (slotBytes + recordBytes) * byteCost
	// annexBytes is what tables of an instance take at least if they are outside of the Go heap.
	annexBytes = 16 << 10

	slotBytes   = int64(unsafe.Sizeof(uintptr(0)))
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
	segments, ok3 := field(instance, "ElementInstances")
	if !ok1 || !ok2 || !ok3 || !engine.CanInterface() || !tables.CanInterface() || !segments.CanInterface() {
		return false
	}
	if _, ok := engine.Interface().(referrer); !ok || segments.Type() != reflect.TypeFor[[][]uintptr]() {
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
func (r *functionRecords) find(f *instanceFields, guest api.Module) {
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
	context := f.contextOf(engine)
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
func (f *instanceFields) contextOf(engine reflect.Value) uintptr {
	context, ok := f.context.of(engine)
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

// tableBytes returns what the engine makes for the tables of an instance, and for their elements besides.
func tableBytes(info *meter.Info) (tables, elements int64) {
	for _, size := range info.Tables {
		tables += int64(size) * slotBytes
	}
	for i := range info.ElementSegments {
		if s := &info.ElementSegments[i]; s.Passive {
			elements += int64(len(s.Functions)) * slotBytes
		}
	}
	return tables, elements + int64(info.TakenElements)*recordBytes
}

// measureTables sets m.hostBytes and m.tableBytes.
func (m *Module) measureTables() {
	tables, elements := tableBytes(m.info)
	m.hostBytes, m.tableBytes = HostBytes(m.info), tables+elements
	if m.linking != nil { // a guest may have thousands
		m.hostBytes = coreInstanceBytes + hostBytes(m.info, coreInstanceBytes/2)
	}
}

// newTables returns memory for the tables of an instance, which is counted already.
func (m *Module) newTables(account *memory.Account) (tableMemory, error) {
	switch n := m.tableBytes; {
	case n == 0:
		return nil, nil
	case n < annexBytes:
		words := make([]uintptr, n/slotBytes)
		return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(words))), n), nil
	default:
		return account.Attach(n)
	}
}

// tableMemory is memory for tables that is not in use yet.
type tableMemory []byte

func (m *tableMemory) slots(n int) []uintptr { return take[uintptr](m, n) }

func (m *tableMemory) records(n int) []functionRecord { return take[functionRecord](m, n) }

func take[T any](m *tableMemory, n int) []T {
	if n == 0 {
		return nil
	}
	bytes := n * int(unsafe.Sizeof(*new(T)))
	taken := (*m)[:bytes]
	*m = (*m)[bytes:]
	return unsafe.Slice((*T)(unsafe.Pointer(unsafe.SliceData(taken))), n)
}

// makeTables gives the tables their sizes and writes the element segments, in pieces.
func (c *CoreInstance) makeTables() error {
	info, records := c.module.info, &c.module.records
	if info.Tables == nil {
		return nil
	}
	records.once.Do(func() { records.find(c.engine.fields, c.guest) })
	maker := newTableMaker(c.engine.fields, c.guest, records, c.tables)
	maker.size(info.Tables)
	for n := range info.ElementSegments {
		s := &info.ElementSegments[n]
		to, ok := maker.place(s, c.offset(s.Offset))
		if !ok {
			return &Trap{Code: InvalidTableAccess, Message: InvalidTableAccess.String()}
		}
		if err := c.owner.burn(segmentCost); err != nil {
			return err
		}
		for rest := s.Functions; len(rest) > 0; {
			piece := rest[:min(len(rest), elementPiece)]
			if err := c.owner.burn(int64(len(piece)) * elementCost); err != nil {
				return err
			}
			maker.write(to, piece)
			to, rest = to[len(piece):], rest[len(piece):]
		}
	}
	return nil
}

// tableMaker makes the tables of an instance.
type tableMaker struct {
	fields   *instanceFields
	memory   tableMemory
	instance reflect.Value
	tables   [][]uintptr // since size
	segments [][]uintptr // passive ones
	records  *functionRecords
	referrer referrer
	context  uintptr
}

func newTableMaker(f *instanceFields, guest api.Module, records *functionRecords, memory tableMemory) *tableMaker {
	instance := reflect.ValueOf(guest)
	segments, _ := f.segments.of(instance)
	engine, _ := f.engine.of(instance)
	return &tableMaker{
		fields: f, memory: memory, instance: instance, segments: segments.Interface().([][]uintptr),
		records: records, referrer: engine.Interface().(referrer), context: f.contextOf(engine),
	}
}

// size gives the tables their sizes, except for imported ones, which come first.
func (m *tableMaker) size(sizes []uint32) {
	tables, _ := m.fields.tables.of(m.instance)
	m.tables = make([][]uintptr, tables.Len())
	imported := len(m.tables) - len(sizes)
	for i := range m.tables {
		references, _ := m.fields.references.of(tables.Index(i))
		if i < imported {
			m.tables[i] = references.Interface().([]uintptr)
			continue
		}
		m.tables[i] = m.memory.slots(int(sizes[i-imported]))
		references.Set(reflect.ValueOf(m.tables[i]))
	}
}

// place returns where a segment is written, of an active one at an offset. ok is false if there is no room for it.
func (m *tableMaker) place(s *meter.ElementSegment, offset uint32) (to []uintptr, ok bool) {
	if s.Passive {
		to = m.memory.slots(len(s.Functions))
		m.segments[s.Index] = to
		return to, true
	}
	table := m.tables[s.Table]
	if uint64(offset)+uint64(len(s.Functions)) > uint64(len(table)) {
		return nil, false
	}
	return table[offset:], true
}

// write writes references to functions.
func (m *tableMaker) write(to []uintptr, functions []uint32) {
	records := m.memory.records(len(functions))
	for i, function := range functions {
		switch {
		case function == meter.NoFunction:
			to[i] = 0
		case !m.records.known || function < m.records.imported:
			to[i] = m.referrer.FunctionInstanceReference(function)
		default:
			records[i] = m.records.record(function, m.context)
			to[i] = uintptr(unsafe.Pointer(&records[i]))
		}
	}
}
