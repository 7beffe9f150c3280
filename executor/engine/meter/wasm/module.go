package wasm

// Module is a core module. Parts that refer to functions by index are decoded
// so that Encode can write them with other indices; the rest is kept as bytes
// of the original. Custom sections are left out, but for the names of functions,
// which Encode does not write: they are of use to people, not to engines.
type Module struct {
	Types     []FuncType
	Imports   []Import
	Functions []uint32 // the type index of each defined function
	Tables    []TableType
	Memories  []MemoryType // defined; at most one, imported ones included
	Globals   []Global
	Exports   []Export
	Start     *uint32
	Elements  []Element
	DataCount *uint32
	Bodies    []Body // as many as Functions
	Data      []DataSegment
	Names     []FunctionName // by ascending index, as far as the name section is readable
}

// Import is something the host provides. The field that Kind names is set.
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

// Export is something the host may use.
type Export struct {
	Name  string
	Kind  ExternKind
	Index uint32
}

// ElementMode says what an element segment is for.
type ElementMode byte

// The element modes.
const (
	Active ElementMode = iota
	Passive
	Declarative
)

// Element is an element segment. Its items are either Funcs or, if Type is not
// zero, Count constant expressions one after the other in Exprs.
type Element struct {
	Mode   ElementMode
	Table  uint32
	Offset Expr
	Funcs  []uint32
	Type   ValType
	Count  int
	Exprs  Expr
}

// Expr is one or more constant expressions as encoded, with their ends.
type Expr struct {
	Code   []byte
	Offset int64 // in the module
}

// Body is the code of a defined function.
type Body struct {
	Locals []LocalGroup
	Code   []byte // instructions with the final end
	Offset int64  // of Code in the module
}

// LocalGroup is a run of locals of one type.
type LocalGroup struct {
	Count uint32
	Type  ValType
}

// DataSegment is a data segment, active unless it is passive.
type DataSegment struct {
	Passive bool
	Offset  Expr // of an active one
	Bytes   []byte
}

// ImportedFunctions returns how many functions are imported.
func (m *Module) ImportedFunctions() int { return m.imported(FuncExtern) }

// ImportedGlobals returns how many globals are imported.
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

// FunctionTypeIndices returns the index of the type of each function, imported
// ones first.
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
