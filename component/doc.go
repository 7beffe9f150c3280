// Package component holds the component model, apart from any engine: the packages below it decode components, check
// their types, and turn them into plans, which hostcalls/component carries out.
//
//	binary  bytes to definitions
//	names   the grammar of names
//	types   definitions to types; what is valid
//	value   values of those types
//	wave    values as people write them
//	wit     types as people write them
//	plan    a component to the list of steps that instantiate it
//	compose several components to one
//	abi     values in the memory of a guest
//	async   which call may run, and what it waits for
//
// # Concurrency
//
// Nothing here starts goroutines, blocks or knows the time. What a package returns does not change and may be shared, but for
// the state that async keeps.
//
// # Input
//
// Components come from clients and their memories from guests: everything is checked, every size and depth has a bound,
// and nothing panics on what it is given.
//
// # Specification
//
// WebAssembly/component-model, design/mvp: Binary.md, Explainer.md, CanonicalABI.md.
package component
