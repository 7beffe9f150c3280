package wasm

import (
	"cmp"
	"math"
)

// Module is a core module. Parts that refer to functions by index are decoded, so that Encode can write them
// with other indices; the rest is kept as bytes of the original. Custom sections are dropped, except for the
// names of functions, which Encode does not write: they are for people, not for engines.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // the type index of each defined function
	Tables    []TableType
	Memories  []MemoryType // defined memories; at most one memory is defined or imported
	Globals   []Global
	Exports   []Export
	Start     *uint32
	Elements  []Element
	DataCount *uint32
	Bodies    []Body // as many as Functions
	Data      []DataSegment
	Name      string         // that Encode writes; Decode does not read it
	Names     []FunctionName // the valid ones of the name section, by ascending index
}

// Import is an import of the module. The field that Kind names is set.
type Import struct {
	Module, Name string
	Kind         ExternKind
	Func         uint32 // type index
	Table        TableType
	Memory       MemoryType
	Global       GlobalType
}

// Global is a defined global.
type Global struct {
	Type GlobalType
	Init Expr
}

// Export is an export of the module.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// ElementMode is the mode of an element segment.
type ElementMode byte

// The element modes.
const (
	Active ElementMode = iota
	Passive
	Declarative
)

// Element is an element segment. Its items are either Funcs or, if Type is not zero, Count constant
// expressions in Exprs.
type Element struct {
	Mode   ElementMode
	Table  uint32
	Offset Expr
	Funcs  []uint32
	Type   ValType
	Count  int
	Exprs  Expr
}

// NoFunction is the null reference in what References returns.
const NoFunction = math.MaxUint32

// Holds returns the type of the segment's items.
func (e *Element) Holds() ValType { return cmp.Or(e.Type, FuncRef) }

// References returns the functions that the segment's items refer to. ok is false if one of them is anything else than
// ref.func or a ref.null of the segment's type.
func (e *Element) References() (functions []uint32, ok bool) {
	if e.Type == 0 {
		return e.Funcs, true
	}
	functions = make([]uint32, 0, e.Count)
	r := reader{buf: e.Exprs.Code}
	for r.more() {
		switch op := Op(r.byte()); {
		case op == OpRefFunc && e.Type == FuncRef:
			functions = append(functions, r.u32())
		case op == OpRefNull && ValType(r.byte()) == e.Type:
			functions = append(functions, NoFunction)
		default:
			return nil, false
		}
		if Op(r.byte()) != OpEnd {
			return nil, false
		}
	}
	return functions, true
}

// Expr is one or more encoded constant expressions, including their ends.
type Expr struct {
	Code   []byte
	Offset int64 // in the module
}

// Body is the code of a defined function.
type Body struct {
	Locals []LocalGroup
	Code   []byte // instructions, including the final end
	Offset int64  // of Code in the module
}

// LocalGroup is a run of locals of one type.
type LocalGroup struct {
	Count uint32
	Type  ValType
}

// DataSegment is a data segment. It is active unless Passive is set.
type DataSegment struct {
	Passive bool
	Offset  Expr // of an active segment
	Bytes   []byte
}

// ImportedFunctions returns the number of imported functions.
func (m *Module) ImportedFunctions() int { return m.imported(FuncExtern) }

// ImportedGlobals returns the number of imported globals.
func (m *Module) ImportedGlobals() int { return m.imported(GlobalExtern) }

func (m *Module) imported(kind ExternKind) int {
	n := 0
	for i := range m.Imports {
		if m.Imports[i].Kind == kind {
			n++
		}
	}
	return n
}

// FunctionTypeIndices returns the type index of each function, imported ones first.
func (m *Module) FunctionTypeIndices() []uint32 {
	indices := make([]uint32, 0, len(m.Imports)+len(m.Functions))
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind == FuncExtern {
			indices = append(indices, im.Func)
		}
	}
	return append(indices, m.Functions...)
}

// FunctionTypes returns the type of each function, imported ones first.
func (m *Module) FunctionTypes() []FuncType {
	types := make([]FuncType, 0, len(m.Imports)+len(m.Functions))
	for _, i := range m.FunctionTypeIndices() {
		types = append(types, m.Types[i])
	}
	return types
}

// TableTypes returns the type of each table, imported ones first.
func (m *Module) TableTypes() []TableType {
	var types []TableType
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind == TableExtern {
			types = append(types, im.Table)
		}
	}
	return append(types, m.Tables...)
}

// GlobalTypes returns the type of each global, imported ones first.
func (m *Module) GlobalTypes() []GlobalType {
	var types []GlobalType
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind == GlobalExtern {
			types = append(types, im.Global)
		}
	}
	for i := range m.Globals {
		types = append(types, m.Globals[i].Type)
	}
	return types
}

// Memory returns the module's memory, imported or defined.
func (m *Module) Memory() (t MemoryType, ok bool) {
	for i := range m.Imports {
		if im := &m.Imports[i]; im.Kind == MemoryExtern {
			return im.Memory, true
		}
	}
	if len(m.Memories) > 0 {
		return m.Memories[0], true
	}
	return MemoryType{}, false
}
