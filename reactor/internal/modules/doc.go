// Package modules keeps the modules of a node: it receives pushes, finds modules by digest or tag, and describes them.
//
// A push is checked, received, loaded by the engine (the last faults show only then), and stored with the module's
// description. A catalog caches what submissions look up. It is never out of date for longer than a change takes,
// since every change empties it, and the store has the last word. Which modules are compiled, and who holds them, is
// up to the scheduler and the engine.
//
// All methods of a Registry may be called from any goroutine. They block on the store, and Commit also on a
// compilation, and end with their context. A Push is used by one goroutine at a time.
package modules
