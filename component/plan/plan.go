// Package plan turns a valid component into the list of steps that instantiate it.
//
// Instantiating a component has no control flow. [Flatten] carries it out once, symbolically: every instantiation of a
// nested component copies its steps with the arguments bound. Instances, aliases and nested components are gone
// afterwards; what is left refers to core instances, canonical functions and host functions by number.
package plan

import (
	"github.com/reactord/reactord/component/binary"
	"github.com/reactord/reactord/component/types"
)

// Plan is how a component is instantiated. It does not change.
type Plan struct {
	Modules   [][]byte   // the core modules, each once by its bytes
	Steps     []Step     // in order
	Instances int        // component instances, numbered from 0, the root; each has a handle table of its own
	Canons    []Canon    // canonical functions that core code imports
	Resources []Resource // resource types that components of this component define, or that it imports
	Lifts     []Lift     // the functions that components lift
	Imports   []HostFunc // the functions that the root component imports
	Exports   []Export   // what the root component exports, nested ones included
	Types     *types.Table
}

// Step is one of *InstantiateStep; others may come.
type Step interface{ step() }

// InstantiateStep instantiates a core module. Its number among these steps is that of the core instance.
type InstantiateStep struct {
	Module   int       // in Plan.Modules
	Instance int       // the component instance that it belongs to
	Imports  []CoreDef // one for each import of the core module, in its order
}

func (*InstantiateStep) step() {}

// CoreDef is something that a core module imports: an export of a core instance, or a canonical function.
type CoreDef struct {
	Sort     binary.Sort
	Instance int    // core instance; -1: Canon
	Export   string // of the core instance
	Canon    int    // in Plan.Canons
}

// Resource is a resource type of a component instance.
type Resource struct {
	Type     *types.Resource
	Instance int      // the component instance that defines it; -1: the host
	Dtor     *CoreDef // or nil
	Import   string   // of a host's: "wasi:io/poll@0.2.0#pollable"
}

// Options are the canonical options of a lift, a lower or another canonical function.
type Options struct {
	Encoding             binary.CanonOptKind // UTF8Opt, UTF16Opt or Latin1UTF16Opt
	Memory               *CoreDef            // or nil
	Realloc              *CoreDef            // or nil
	PostReturn, Callback *CoreDef            // or nil
	Async                bool
}

// Canon is a canonical function that core code imports.
type Canon struct {
	Builtin  binary.Builtin
	Instance int // the component instance in which it is defined
	Options  Options
	Func     *types.Func // of Lower
	Lower    Target      // of Lower
	Resource int         // of ResourceNew, ResourceDrop and ResourceRep: in Plan.Resources
	Def      *binary.Canon
}

// Target is what a component function is: a lift of a component instance, or a function of the host.
type Target struct {
	Lift int // in Plan.Lifts; -1: Host
	Host int // in Plan.Imports
}

// Lift is a core function made a component function.
type Lift struct {
	Instance int // the component instance that lifts it
	Func     *types.Func
	Core     CoreDef
	Options  Options
}

// HostFunc is a function that the component imports.
type HostFunc struct {
	Interface string // "wasi:io/poll@0.2.0", or empty for a function imported by itself
	Name      string // "poll", "[method]pollable.block"
	Type      *types.Func
}

// Export is a function that the component exports.
type Export struct {
	Interface string // or empty
	Name      string
	Func      *types.Func
	Target    Target
}
