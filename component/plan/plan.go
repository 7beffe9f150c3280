package plan

import (
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// Plan is how a component is instantiated. It does not change.
type Plan struct {
	Modules   []*binary.CoreModule // each once, however often it is instantiated
	Steps     []Step               // in order
	Instances int                  // component instances, numbered from 0, the root; each has a handle table of its own
	Parents   []int                // of each component instance the one that instantiates it; Host for the root
	Canons    []Canon              // canonical functions that core code imports
	Resources []Resource           // resource types that components of this component define, or that it imports
	Lifts     []Lift               // the functions that components lift
	Imports   []HostFunc           // the functions that the root component imports
	Others    []HostOther          // what else it imports
	Exports   []Export             // what the root component exports, nested ones included
	Types     *types.Table
}

// Step instantiates a core module. Its number among the steps is that of the core instance.
type Step struct {
	Module   int       // in Plan.Modules
	Instance int       // the component instance that it belongs to
	Imports  []CoreDef // one for each import of the core module, in its order
	Calls    []CoreDef // functions of core instances, which are called when this one is there
}

// CoreDef is something that core modules import and canonical functions refer to: an export of a core instance, or a
// canonical function.
type CoreDef struct {
	Sort     binary.Sort // CoreFuncSort, CoreTableSort, CoreMemorySort, CoreGlobalSort or CoreTagSort
	Instance int         // core instance; Canonical if it is a canonical function
	Export   string      // of the core instance
	Canon    int         // in Plan.Canons
}

// Canonical stands for the core instance of a canonical function.
const Canonical = -1

// Host stands for the component instance, or the lift, of what the host provides.
const Host = -1

// Resource is a resource type.
type Resource struct {
	Type     *types.Resource
	Instance int      // the component instance that defines it, or Host
	Dtor     *CoreDef // or nil
	// Interface and Name are those under which the root component imports it from the host, such as
	// "wasi:io/poll@0.2.0" and "pollable".
	Interface, Name string
}

// Options are the canonical options of a canonical function.
type Options struct {
	Encoding   binary.CanonOptKind // UTF8Opt, UTF16Opt or Latin1UTF16Opt
	Memory     *CoreDef            // or nil
	Realloc    *CoreDef            // or nil
	PostReturn *CoreDef            // or nil
	Callback   *CoreDef            // or nil
	Async      bool
}

// Canon is a canonical function that core code imports.
type Canon struct {
	Def      *binary.Canon
	Instance int // the component instance that defines it
	Options  Options
	Func     *types.Func // Lower: the type of the function
	Target   Target      // Lower: the function
	Resource int         // ResourceNew, ResourceDrop and ResourceRep: in Plan.Resources
	Type     *types.Type // of streams and futures: the stream or future; TaskReturn: the result, or nil
}

// Target is what a component function is: a core function that a component lifts, or a function of the host.
type Target struct {
	Lift int // in Plan.Lifts, or Host
	Host int // in Plan.Imports, if Lift is Host
}

// Lift is a core function that a component makes a component function.
type Lift struct {
	Instance int // the component instance
	Func     *types.Func
	Core     CoreDef
	Options  Options
	Offset   int
}

// HostFunc is a function that the root component imports.
type HostFunc struct {
	Interface string // such as "wasi:io/poll@0.2.0"; empty for a function that is imported by itself
	Name      string // such as "poll" or "[method]pollable.block"
	Func      *types.Func
}

// HostOther is an instance that the root component imports, or a type that it knows, as it does not know a Resource.
type HostOther struct {
	Interface, Name string          // as of a HostFunc
	Type            *types.Type     // of a value type
	Resource        *types.Resource // of a resource type that it has imported under another name
}

// Export is a function that the root component exports, by itself or in an instance.
type Export struct {
	Interface string // such as "ns:pkg/iface@1.0.0"; empty for a function that is exported by itself
	Name      string
	Func      *types.Func
	Target    Target
}
