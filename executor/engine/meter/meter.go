package meter

import (
	"strconv"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Names that a rewritten module and its host share. A module that already uses them is refused.
const (
	HostModule        = "reactord"       // the module that the functions below are imported from
	YieldFunction     = "yield"          // () -> (): called when the fuel is below zero
	GrowStackFunction = "grow_stack"     // () -> (): called when the stack bytes are below zero
	ClearFunction     = "clear"          // (i32 address, i32 bytes) -> (): called to write many zeroes, within bounds
	FuelGlobal        = "reactord.fuel"  // mutable i64: units left; the host sets it
	StackGlobal       = "reactord.stack" // mutable i64: stack bytes left; the host adds to it
	StartFunction     = "reactord.start" // () -> (): the start function, if there is one; see Info.HasStart

	framePrefix = "reactord.frame." // before a number; see FrameGlobal
)

// AddedImports is the number of functions that a rewritten module imports after those of the original.
const AddedImports = 3

// FrameGlobal returns the name of the mutable i64 that has the frame of Info.LargeFrames[i] in bytes. It
// starts with the pass's upper bound. A host that knows the frame sets it before it calls the module.
func FrameGlobal(i int) string { return framePrefix + strconv.Itoa(i) }

// ClearedPerUnit is the number of bytes that ClearFunction clears for a unit of fuel.
const ClearedPerUnit = 1 << bytesPerUnitLog2

// RedZone is the number of bytes of stack that a guest may use beyond what was granted. Call chains without
// recursion that fit into it are not counted.
const RedZone = 4 << 10

// Limits bound the modules that Rewrite accepts, and what the result may use at run time. A zero field means
// its default.
type Limits = wasm.Limits

// Options are options of Rewrite. The zero value is usable.
type Options struct {
	Limits Limits
	ARM64  bool // the target is arm64: replace instructions that wazero compiles wrong for it
	// ImportName returns the name under which the result imports a function. Nil keeps the names.
	ImportName func(module, name string, t FuncType) string
	// Imports says where the imports come from, in their order, if the module is to be linked with others. Nil keeps their
	// names, as far as ImportName does.
	Imports []Source
	// Name is the name of the module in stack traces; empty: it has none.
	Name string
	// TakeTables leaves tables and element segments to the host: in the result they begin empty. See Info.Tables.
	TakeTables bool
}

// Error is the reason why a module was refused.
type Error = wasm.Error

// Kind classes an Error.
type Kind = wasm.Kind

// The kinds of Error.
const (
	Malformed   = wasm.Malformed   // not WebAssembly, truncated or inconsistent
	Unsupported = wasm.Unsupported // well-formed, but needs a feature that guests don't have
	TooLarge    = wasm.TooLarge    // beyond a limit
	Component   = wasm.Component   // a component rather than a core module
)
