// Package wit reads and writes WIT, the language that component types are written in. It reads the types of interfaces, by which
// hosts declare what they offer to components, and writes the worlds of components ([World]).
//
// It reads the body of an interface without its functions ([Scope.Define]):
//
//	use wasi:io/poll.{pollable};
//	type instant = u64;
//	record datetime { seconds: u64, nanoseconds: u32 }
//	resource clock;
//
// and function types ([Interface.Func]), in which a method names its first parameter: "func(self: borrow<clock>) -> datetime".
// Versions, attributes, packages, worlds and resources with a body are not read.
//
// Nesting is as deep as that of a types.Table. A Scope is used by one goroutine at a time, and what it returns does not change.
//
// Specification: WebAssembly/component-model, design/mvp/WIT.md.
package wit
