package meter

import (
	"strconv"

	"github.com/reactord/reactord/executor/engine/meter/wasm"
)

// Names that a rewritten module and its host share. A module that uses them
// already is refused.
const (
	HostModule        = "reactord"       // the module the functions below are imported from
	YieldFunction     = "yield"          // () -> (): the fuel is below zero
	GrowStackFunction = "grow_stack"     // () -> (): the stack bytes are below zero
	FuelGlobal        = "reactord.fuel"  // mutable i64: units left; the host sets it
	StackGlobal       = "reactord.stack" // mutable i64: stack bytes left; the host adds to it
	StartFunction     = "reactord.start" // () -> (): the start function, if there is one; see Info.HasStart

	framePrefix = "reactord.frame." // before a number; see FrameGlobal
)

// AddedImports is how many functions a rewritten module imports after those of the original.
const AddedImports = 2

// FrameGlobal returns the name of the mutable i64 that has the frame of Info.LargeFrames[i] in bytes: at first the
// pass's bound of it. The host that knows better sets it before it calls the module.
func FrameGlobal(i int) string { return framePrefix + strconv.Itoa(i) }

// RedZone is how many bytes of stack a guest may use beyond what was granted:
// call chains without recursion that fit it are not counted.
const RedZone = 4 << 10

// Limits bound what Rewrite accepts and what the result may ask for at run
// time. A field that is zero has its default.
type Limits = wasm.Limits

// Options of Rewrite. The zero value is usable.
type Options struct {
	Limits Limits
	ARM64  bool // the machine code is going to be for arm64: leave out what is compiled wrong for it
}

// Error says why a module was refused.
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
