// Package modules has the modules of a node: it takes them in, finds them by digest or tag, and says what each is
// like and what may be asked of it.
//
// A push is checked, received, loaded by the engine, since the last faults show only then, and stored with
// what it declares of itself. What is looked up for submissions is remembered in a catalog, which is never
// wrong for longer than a change takes: whoever changes something drops it all. The store has the
// last word. Which modules are compiled, and who holds them, is the scheduler's and the engine's business.
//
// All methods of a Registry may be called from any goroutine. They block for the store, a Commit also
// for a compilation, and end with their context. A Push is used by one goroutine at a time.
package modules
