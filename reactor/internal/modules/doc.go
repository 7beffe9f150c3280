// Package modules keeps the modules of a node: it receives pushes, finds modules by digest or tag, and describes them.
//
// A push is checked, received, compiled and loaded by the engine (some faults show only there), and stored with the
// module's description. A catalog caches what submissions look up. Every change empties the catalog, so it is stale only
// while a change is under way; and the store checks again. It also remembers which modules a load has found damaged on
// disk, until they are pushed again or can be loaded: submissions of them are refused. Which modules are compiled, and
// who holds them, is up to the scheduler and the engine.
//
// All methods of a Registry may be called from any goroutine. They block on the store, and Commit also on a
// compilation, and end with their context. A Push is used by one goroutine at a time.
package modules
