package binary

// Component is a decoded component: its definitions in their order. A definition sees only those before it, and those of
// the components around it.
type Component struct {
	Offset      int // of its preamble, from the beginning of the outermost component
	Size        int
	Name        string // of the name section, or empty
	Definitions []Definition
}

// Definition is one of *CoreModule, *CoreInstance, *CoreType, *NestedComponent, *Instance, *Alias, *Type, *Canon, *Import
// and *Export. Each but an Export of an alias' kind adds one index to the index space of its sort; an Export adds one to
// that of what it exports.
type Definition interface {
	// Pos returns the offset of the definition, from the beginning of the outermost component.
	Pos() int
}

// At is the offset of a definition, from the beginning of the outermost component.
type At int

// Pos implements Definition.
func (a At) Pos() int { return int(a) }

// Sort is the kind of an index space.
type Sort uint8

// The sorts. Their values have no meaning outside of this module.
const (
	CoreFuncSort Sort = iota
	CoreTableSort
	CoreMemorySort
	CoreGlobalSort
	CoreTagSort
	CoreTypeSort
	CoreModuleSort
	CoreInstanceSort
	FuncSort
	ValueSort
	TypeSort
	ComponentSort
	InstanceSort
)

// Ref refers to a definition by its sort and its index there.
type Ref struct {
	Sort  Sort
	Index uint32
}

// CoreModule is a core module within the component.
type CoreModule struct {
	At
	Binary []byte // shared with the component
}

// CoreInstance instantiates a core module, or bundles exports.
type CoreInstance struct {
	At
	Module  uint32    // if Exports is nil
	Args    []CoreArg // by import module name
	Exports []CoreExport
	Inline  bool // Exports are bundled, and Module and Args are unused
}

// CoreArg gives the instance from which a core module imports under a module name.
type CoreArg struct {
	Name     string
	Instance uint32
}

// CoreExport is an export of a bundle.
type CoreExport struct {
	Name string
	Ref
}

// NestedComponent is a component within the component.
type NestedComponent struct {
	At
	Component *Component
}

// Instance instantiates a component, or bundles exports.
type Instance struct {
	At
	Component uint32 // unless Inline
	Args      []Arg
	Exports   []InlineExport
	Inline    bool
}

// Arg is an argument of an instantiation.
type Arg struct {
	Name string
	Ref
}

// InlineExport is an export of a bundle.
type InlineExport struct {
	Name Name
	Ref
}

// AliasKind says where an alias leads.
type AliasKind uint8

// The kinds of aliases.
const (
	ExportAlias     AliasKind = iota // to an export of an instance
	CoreExportAlias                  // to an export of a core instance
	OuterAlias                       // to a definition of an enclosing component
)

// Alias makes something that is defined elsewhere a definition here.
type Alias struct {
	At
	Kind     AliasKind
	Sort     Sort
	Instance uint32 // of ExportAlias and CoreExportAlias
	Name     string // of ExportAlias and CoreExportAlias
	Count    uint32 // of OuterAlias: how many components outwards; 0 is this one
	Index    uint32 // of OuterAlias
}

// Import imports something by a name.
type Import struct {
	At
	Name Name
	Desc ExternDesc
}

// Export exports a definition by a name, and gives it another index of the same sort.
type Export struct {
	At
	Name Name
	Ref
	Desc *ExternDesc // the type ascribed to it, or nil
}

// Name is the name of an import or export, and its attributes.
type Name struct {
	Text          string // as written, such as "wasi:io/poll@0.2.12" or "[method]descriptor.read"
	Implements    string // attribute, or empty
	VersionSuffix string // attribute, or empty
	ExternalID    string // attribute, or empty
}

// ExternKind says what a type of an import or export describes.
type ExternKind uint8

// The kinds of external types.
const (
	CoreModuleExtern ExternKind = iota
	FuncExtern
	ValueExtern
	TypeExtern
	ComponentExtern
	InstanceExtern
)

// ExternDesc is the type of an import or export.
type ExternDesc struct {
	Kind  ExternKind
	Index uint32  // of the type; unless a ValueExtern, or a TypeExtern with SubResource
	Bound Bound   // of a TypeExtern
	Value ValType // of a ValueExtern (gated)
}

// Bound is what a type import or export is known to be.
type Bound uint8

// The bounds.
const (
	EqBound     Bound = iota // the type Index
	SubResource              // some resource type
)
