package binary

// Component is a decoded component: its definitions in their order. A definition sees only those before it, and those of
// the components around it.
type Component struct {
	Offset      int    // of its preamble, from the beginning of the outermost component
	Size        int    // in bytes
	Name        string // of the name section, or empty
	Definitions []Definition
}

// Definition is one of *CoreModule, *CoreInstance, *CoreType, *NestedComponent, *Instance, *Alias, *Type, *Canon, *Import
// and *Export; and of *ExportDecl, *CoreImportDecl and *CoreExportDecl in types. Each adds one index to the index space
// of its sort: a Canon one of functions, Lift, or of core functions, all others; an Alias, Import, Export and ExportDecl
// one of what it aliases, imports or exports.
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

// The sorts. Their values have no meaning outside of this module. That of values is missing, since they are refused.
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
	TypeSort
	ComponentSort
	InstanceSort
)

var sortNames = [...]string{
	"func", "table", "memory", "global", "tag", "core type", "core module", "core instance",
	"func", "type", "component", "instance",
}

// String returns the sort as it is called in text notation.
func (s Sort) String() string {
	if s < CoreTypeSort {
		return "core " + sortNames[s]
	}
	return sortNames[s]
}

// Ref refers to a definition by its sort and its index there.
type Ref struct {
	Sort  Sort
	Index uint32
}

// CoreModule is a core module within the component.
type CoreModule struct {
	At
	Offset int    // of Binary, from the beginning of the outermost component
	Binary []byte // shared with the component
}

// CoreInstance instantiates a core module, or bundles exports.
type CoreInstance struct {
	At
	Inline  bool         // Exports are bundled; else Module is instantiated with Args
	Module  uint32       // index of a core module
	Args    []CoreArg    // by import module name
	Exports []CoreExport // of a bundle
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
	Binary    []byte // encoded; only for Encode, in place of Component
}

// Instance instantiates a component, or bundles exports.
type Instance struct {
	At
	Inline    bool   // Exports are bundled; else Component is instantiated with Args
	Component uint32 // index of a component
	Args      []Arg
	Exports   []InlineExport // of a bundle
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
	Text       string // as written, such as "wasi:io/poll@0.2.12" or "[method]descriptor.read"
	Attributes []Attribute
}

// AttributeKind is the kind of an attribute, as the binary format has it.
type AttributeKind byte

// The kinds of attributes.
const (
	Implements    AttributeKind = 0x00 // the name of the interface that an instance implements
	VersionSuffix AttributeKind = 0x01 // what was cut from the version of a canonical interface name
	ExternalID    AttributeKind = 0x02 // any text
)

// Attribute is an attribute of a name. A name has at most one of each kind.
type Attribute struct {
	Kind  AttributeKind
	Value string
}

// Attribute returns the value of the attribute of a kind, if the name has it.
func (n Name) Attribute(kind AttributeKind) (value string, ok bool) {
	for _, a := range n.Attributes {
		if a.Kind == kind {
			return a.Value, true
		}
	}
	return "", false
}

// ExternKind says what a type of an import or export describes.
type ExternKind uint8

// The kinds of external types.
const (
	CoreModuleExtern ExternKind = iota
	FuncExtern
	TypeExtern
	ComponentExtern
	InstanceExtern
)

// ExternDesc is the type of an import or export.
type ExternDesc struct {
	Kind  ExternKind
	Bound Bound  // of a TypeExtern
	Index uint32 // of the type, unless a TypeExtern is a SubResource
}

// Bound is what a type import or export is known to be.
type Bound uint8

// The bounds.
const (
	EqBound     Bound = iota // the type Index
	SubResource              // some resource type
)
