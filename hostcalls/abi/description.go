package abi

// Kind says how a module is run. Its values are those of ModuleKind in the API.
type Kind uint8

// The kinds.
const (
	_       Kind = iota
	Command      // a core module with a start function: it runs once, from beginning to end
	Reactor      // a core module of which one export is invoked by name
)

// Description is what a module declares of itself. Stores keep it as JSON: its names there do not change.
type Description struct {
	Kind      Kind     `json:"kind"`
	Imports   []Import `json:"imports,omitempty"`
	Exports   []Export `json:"exports,omitempty"`
	Memory    *Memory  `json:"memory,omitempty"` // nil if it has none
	Functions uint32   `json:"functions,omitempty"`
}

// Import is one import of a module. Type is in WebAssembly text notation.
type Import struct{ Module, Name, Type string }

// Export is one export of a module. Type is in WebAssembly text notation.
type Export struct{ Name, Type string }

// Memory is a module's linear memory.
type Memory struct {
	MinBytes uint64
	MaxBytes *uint64 // nil if it declares none
}

// MinMemoryBytes is the linear memory that the module starts with.
func (d *Description) MinMemoryBytes() uint64 {
	if d.Memory == nil {
		return 0
	}
	return d.Memory.MinBytes
}
