// Package symbol turns the names of functions in modules into those that their authors wrote: compilers of Rust and C++
// encode paths, types and parameters in them. Names are bounded and printable, since a module may have any.
//
// Everything is pure, and may be called from any goroutine. A usual name takes a
// microsecond, one that was made to take long a millisecond.
package symbol
