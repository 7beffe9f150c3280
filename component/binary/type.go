package binary

// Prim is a primitive value type, as the binary format has it.
type Prim byte

// The primitive types.
const (
	Bool         Prim = 0x7f
	S8           Prim = 0x7e
	U8           Prim = 0x7d
	S16          Prim = 0x7c
	U16          Prim = 0x7b
	S32          Prim = 0x7a
	U32          Prim = 0x79
	S64          Prim = 0x78
	U64          Prim = 0x77
	F32          Prim = 0x76
	F64          Prim = 0x75
	Char         Prim = 0x74
	String       Prim = 0x73
	ErrorContext Prim = 0x64
)

// ValType is a primitive type, or the index of a type.
type ValType struct {
	Prim  Prim // 0: Index
	Index uint32
}

// Type defines a type.
type Type struct {
	At
	Def TypeDef
}

// TypeDef is one of PrimType, *RecordType, *VariantType, *ListType, *TupleType, *FlagsType, *EnumType, *OptionType,
// *ResultType, *HandleType, *StreamType, *FutureType, *MapType, *ResourceType, *FuncType, *ComponentType and *InstanceType.
type TypeDef interface{ typeDef() }

// PrimType defines a type that is a primitive one.
type PrimType struct{ Prim Prim }

// Labeled is a type with a name: a field, a parameter.
type Labeled struct {
	Name string
	Type ValType
}

// Case is a case of a variant.
type Case struct {
	Name string
	Type *ValType // or nil
}

// RecordType is a record. That it has fields, and so on below, package types checks.
type RecordType struct{ Fields []Labeled }

// VariantType is a variant.
type VariantType struct{ Cases []Case }

// ListType is a list, or (gated) one of a fixed length.
type ListType struct {
	Elem   ValType
	Fixed  bool
	Length uint32
}

// TupleType is a tuple.
type TupleType struct{ Types []ValType }

// FlagsType is a set of flags.
type FlagsType struct{ Labels []string }

// EnumType is an enum.
type EnumType struct{ Labels []string }

// OptionType is a value or none.
type OptionType struct{ Elem ValType }

// ResultType has a type for each way out, or nil.
type ResultType struct{ OK, Err *ValType }

// HandleType is own or borrow.
type HandleType struct {
	Borrow   bool
	Resource uint32
}

// StreamType is a stream of elements, which may have no type.
type StreamType struct{ Elem *ValType }

// FutureType is a future of a value, which may have no type.
type FutureType struct{ Elem *ValType }

// MapType is a map.
type MapType struct{ Key, Value ValType }

// ResourceType defines a resource type, whose representation is an i32.
type ResourceType struct {
	Dtor *uint32 // core function, or nil
}

// FuncType is the type of a function.
type FuncType struct {
	Async  bool
	Params []Labeled
	Result *ValType
}

// ComponentType is the type of a component. Its declarations are *CoreType, *Type, *Alias, *Import and *ExportDecl.
type ComponentType struct{ Decls []Definition }

// InstanceType is the type of an instance. Its declarations are *CoreType, *Type, *Alias and *ExportDecl.
type InstanceType struct{ Decls []Definition }

// ExportDecl declares an export in a type.
type ExportDecl struct {
	At
	Name Name
	Desc ExternDesc
}

func (PrimType) typeDef()       {}
func (*RecordType) typeDef()    {}
func (*VariantType) typeDef()   {}
func (*ListType) typeDef()      {}
func (*TupleType) typeDef()     {}
func (*FlagsType) typeDef()     {}
func (*EnumType) typeDef()      {}
func (*OptionType) typeDef()    {}
func (*ResultType) typeDef()    {}
func (*HandleType) typeDef()    {}
func (*StreamType) typeDef()    {}
func (*FutureType) typeDef()    {}
func (*MapType) typeDef()       {}
func (*ResourceType) typeDef()  {}
func (*FuncType) typeDef()      {}
func (*ComponentType) typeDef() {}
func (*InstanceType) typeDef()  {}

// CoreType defines a core type: a function type or a module type.
type CoreType struct {
	At
	Func   *CoreFuncType // or
	Module *CoreModuleType
}

// CoreValType is a core value type, as the binary format has it.
type CoreValType byte

// The core value types.
const (
	CoreI32       CoreValType = 0x7f
	CoreI64       CoreValType = 0x7e
	CoreF32       CoreValType = 0x7d
	CoreF64       CoreValType = 0x7c
	CoreV128      CoreValType = 0x7b
	CoreFuncRef   CoreValType = 0x70
	CoreExternRef CoreValType = 0x6f
)

// CoreFuncType is a core function type.
type CoreFuncType struct{ Params, Results []CoreValType }

// CoreModuleType is the type of a core module. Its declarations are *CoreType, always of a function, *Alias of an outer
// core type, *CoreImportDecl and *CoreExportDecl.
type CoreModuleType struct{ Decls []Definition }

// CoreImportDecl is an import of a core module's type.
type CoreImportDecl struct {
	At
	Module, Name string
	CoreExtern
}

// CoreExportDecl is an export of a core module's type.
type CoreExportDecl struct {
	At
	Name string
	CoreExtern
}

// CoreExtern is the type of something that core modules import and export.
type CoreExtern struct {
	Sort    Sort        // CoreFuncSort, CoreTableSort, CoreMemorySort, CoreGlobalSort or CoreTagSort
	Type    uint32      // of a function or tag: index of a core type in the module's type
	Value   CoreValType // of a global or of a table's elements
	Mutable bool        // of a global
	Min     uint64      // of a table or memory
	Max     *uint64     // of a table or memory, or nil
	Shared  bool        // of a table or memory
	Index64 bool        // of a table or memory
}
