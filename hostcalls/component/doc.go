// Package component runs components: it instantiates them, carries their calls over the boundary between guests and
// host, and between components, and gives them the interfaces of the host, which it does not know by name.
//
//	ABI        loads components, for the host interfaces that New was given
//	Program    a loaded component; immutable, shared by all its stores
//	Store      a root component instance with all below it; one task of the executor
//	Process    one run of a Program, as the reactor sees it: a Store, and what it is to do
//	Interface  what the host provides: types, and functions over cursors
//	Call       one call of a host function
//	Export     a call by another workload; what a component imports from others is a host function, too, and the streams and futures
//	           between the two are ends that the host has in both stores
//
// # Loading
//
// A component is decoded, checked and flattened (package plan); its core modules are loaded through the engine, where
// components that have a core module in common share it. The engine keeps all of it, as one module, and counts its memory.
// Nothing is looked up by name, and no type is walked, during a call: each conversion of values is a plan, made when the
// component is loaded.
//
// # Concurrency
//
// An ABI and a Program may be used from any goroutine. A Store and everything in it (handles, host objects, Calls) is
// used from one fiber at a time, that of its task; methods that may be called from elsewhere say so. Host functions run
// on the fiber and never block its worker: they wait by the methods of Call.
//
// # Traps
//
// A guest that breaks a rule of the canonical ABI, or that lies about a pointer, a length, a handle, ends by an
// *engine.Trap whose message says which function and what was wrong. A trap ends the whole store: no code of it runs
// afterwards, and closing a store runs no guest code either, destructors included.
//
// # Specification
//
// WebAssembly/component-model, design/mvp/CanonicalABI.md. What is called a task there is a call here, since a task is the
// executor's.
package component
