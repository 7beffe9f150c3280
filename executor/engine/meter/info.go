package meter

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Info describes the original module, without what Rewrite adds.
type Info struct {
	Imports []Import
	Exports []Export
	Names   []FunctionName // from the name section, or else from the exports; by ascending index

	// The memory, in pages of 64 KiB. HasMemory is false if the module has no memory, and HasMaxPages is
	// false if its memory declares no maximum.
	HasMemory   bool
	MinPages    uint32
	MaxPages    uint32
	HasMaxPages bool
	// MemoryImported means that the memory is another's.
	MemoryImported bool

	// What each instance has besides its memory. TableElements is the size that all tables but imported ones may
	// reach: their minimums, or more if code grows tables.
	TableElements uint64
	Elements      int // of element segments that are left in the module, except declarative and unused ones
	TakenElements int // of ElementSegments
	Globals       int
	Segments      int // data and element segments that are left in the module

	// What the host must do after instantiation, in this order: end the guest if ElementsOutOfBounds is set; give
	// Tables their sizes; write ElementSegments to the tables and Data to the memory, ending the guest at the first
	// segment that is out of bounds; call StartFunction if HasStart is set.
	ElementsOutOfBounds bool             // an active element segment that was not taken is out of its table's bounds
	Tables              []uint32         // sizes of the tables that are not imported, if Options.TakeTables is set; nil: they were not taken
	ElementSegments     []ElementSegment // active ones, and passive ones that code uses, if the tables were taken
	Data                []Data           // of active segments
	HasStart            bool
	StartImported       bool // the start function is one of Imports
	StartImport         int  // which one

	FunctionCount int      // defined functions, without imports
	CodeOffsets   []uint32 // of the first instruction of each of them in the module

	// Sizes of the metered module.
	CodeBytes       int // of all bodies
	LargestFunction int // bytes of the largest body
	ModuleBytes     int
	Locals          int // of all functions, without parameters
	Types           int
	TypeValues      int // parameters and results of all types
	SegmentItems    int // of all element segments, including declarative ones

	// ResultTypes are the types of the metered module, by index, if it is linked.
	ResultTypes []FuncType

	// LargeFrames are the defined functions whose frames are in globals, see FrameGlobal.
	LargeFrames []int
}

// ExternKind is the kind of an import or export.
type ExternKind string

// The extern kinds.
const (
	FuncExtern   ExternKind = "func"
	TableExtern  ExternKind = "table"
	MemoryExtern ExternKind = "memory"
	GlobalExtern ExternKind = "global"
)

// Import is one import of a module.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Type         string    // in text notation, such as "(func (param i32 i32) (result i32))" or "(memory 1 16)"
	Func         *FuncType // the type of a function; nil for other kinds
}

// Export is one export of a module.
type Export struct {
	Name string
	Kind ExternKind
	Type string
	Func *FuncType
}

// FuncType is the type of a function.
type FuncType = wasm.FuncType

// ParseFuncType reads a function type in text notation. ok is false if the text is not one.
func ParseFuncType(text string) (t FuncType, ok bool) { return wasm.ParseFuncType(text) }

// ValType is the type of a value.
type ValType = wasm.ValType

// The value types.
const (
	I32       = wasm.I32
	I64       = wasm.I64
	F32       = wasm.F32
	F64       = wasm.F64
	V128      = wasm.V128
	FuncRef   = wasm.FuncRef
	ExternRef = wasm.ExternRef
)

// FunctionName names a function by its index.
type FunctionName = wasm.FunctionName

// describe returns the Info of a decoded module, or an error if its names and types exceed the limit.
func describe(m *wasm.Module, limits Limits) (*Info, error) {
	info := &Info{
		Imports:       make([]Import, 0, len(m.Imports)),
		Exports:       make([]Export, 0, len(m.Exports)),
		FunctionCount: len(m.Functions),
		CodeOffsets:   make([]uint32, len(m.Bodies)),
		HasStart:      m.Start != nil,
	}
	for i := range m.Bodies {
		info.CodeOffsets[i] = uint32(m.Bodies[i].Offset)
	}
	d := describer{m: m, functions: m.FunctionTypeIndices(), types: map[uint32]describedType{}}
	room := limits.DescriptionBytes
	functions := uint32(0)
	for i := range m.Imports {
		im := &m.Imports[i]
		if im.Kind == wasm.FuncExtern {
			if m.Start != nil && *m.Start == functions {
				info.StartImported, info.StartImport = true, i
			}
			functions++
		}
		described := Import{Module: im.Module, Name: im.Name, Kind: ExternKind(im.Kind.String())}
		described.Type, described.Func = d.importType(im)
		room -= len(described.Module) + len(described.Name) + len(described.Type)
		info.Imports = append(info.Imports, described)
	}
	tables, globals := m.TableTypes(), m.GlobalTypes()
	memory, hasMemory := m.Memory()
	for i := range m.Exports {
		x := &m.Exports[i]
		var t string
		var function *FuncType
		switch x.Kind {
		case wasm.FuncExtern:
			t, function = d.function(d.functions[x.Index])
		case wasm.TableExtern:
			t = tables[x.Index].String()
		case wasm.MemoryExtern:
			t = memory.String()
		case wasm.GlobalExtern:
			t = globals[x.Index].String()
		}
		room -= len(x.Name) + len(t)
		info.Exports = append(info.Exports, Export{Name: x.Name, Kind: ExternKind(x.Kind.String()), Type: t, Func: function})
	}
	if room < 0 {
		return nil, &Error{Kind: TooLarge, Msg: fmt.Sprintf(
			"names and types of imports and exports of %d bytes, the limit is %d: export fewer functions",
			limits.DescriptionBytes-room, limits.DescriptionBytes)}
	}
	info.Names = named(m)
	if hasMemory {
		size := memory.Size
		info.HasMemory, info.MinPages, info.MaxPages, info.HasMaxPages = true, size.Min, size.Max, size.HasMax
	}
	info.MemoryImported = hasMemory && len(m.Memories) == 0
	for _, t := range m.Tables {
		info.TableElements += uint64(t.Size.Min)
	}
	info.Globals = len(globals)
	return info, nil
}

// named returns the names of functions. An exported function without a name has that of its first export.
func named(m *wasm.Module) []FunctionName {
	names := slices.Clip(m.Names)
	for i := range m.Exports {
		if x := &m.Exports[i]; x.Kind == wasm.FuncExtern {
			names = append(names, FunctionName{Index: x.Index, Name: x.Name})
		}
	}
	slices.SortStableFunc(names, func(a, b FunctionName) int { return cmp.Compare(a.Index, b.Index) })
	return slices.CompactFunc(names, func(a, b FunctionName) bool { return a.Index == b.Index })
}

// describer converts types to text, each function type once, since a large type may be that of many exports.
type describer struct {
	m         *wasm.Module
	functions []uint32
	types     map[uint32]describedType
}

// describedType holds a copy of a type: a pointer into the module's types would keep them all in memory.
type describedType struct {
	text     string
	function *FuncType
}

func (d *describer) function(t uint32) (string, *FuncType) {
	described, ok := d.types[t]
	if !ok {
		function := d.m.Types[t]
		described = describedType{function.String(), &function}
		d.types[t] = described
	}
	return described.text, described.function
}

func (d *describer) importType(im *wasm.Import) (string, *FuncType) {
	switch im.Kind {
	case wasm.FuncExtern:
		return d.function(im.Func)
	case wasm.TableExtern:
		return im.Table.String(), nil
	case wasm.MemoryExtern:
		return im.Memory.String(), nil
	}
	return im.Global.String(), nil
}
