package abi

import "github.com/reactord/reactord/component/signature"

// Kind is the kind of a module, which says how it is run. Its values are those of ModuleKind in the API.
type Kind uint8

// The kinds.
const (
	_                Kind = iota
	Command               // a core module with a start function: it runs once, from beginning to end
	Reactor               // a core module with exports, one of which is invoked by name
	ComponentCommand      // a component that exports wasi:cli/run: it runs once, from beginning to end, or a function is called
	Component             // a component that exports functions, one of which is called
)

// Description holds the declarations of a module. Stores keep it as JSON, so the names there must not change.
type Description struct {
	Kind      Kind     `json:"kind"`
	Imports   []Import `json:"imports,omitempty"`
	Exports   []Export `json:"exports,omitempty"`
	Memory    *Memory  `json:"memory,omitempty"` // nil if it has none
	Functions uint32   `json:"functions,omitempty"`
	// HostBytes is the memory that each instance has besides its linear memory, such as tables; zero in older records.
	HostBytes uint64 `json:"host,omitempty"`
	// Signatures are the functions that a component exports; nil for core modules.
	Signatures *signature.Set `json:"signatures,omitempty"`
	// Links names what a component imports that only other workloads give: interfaces, and functions that are imported by
	// themselves.
	Links []string `json:"links,omitempty"`
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

// StartBytes is the memory that the module's instances start with, as their limit counts it.
func (d *Description) StartBytes() uint64 {
	if d.Memory == nil {
		return d.HostBytes
	}
	return d.HostBytes + d.Memory.MinBytes
}
