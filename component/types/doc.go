// Package types has the types of the component model, and says whether a component is valid: what each definition
// refers to, whether what is passed fits what is asked for (subtyping), and which resource types are the same.
//
// [Check] takes a decoded component and returns its type: a [Component], with what it imports and exports as [Func],
// [Instance], [Component], [CoreModule] or [Def]. A [Table] makes value types, each once, with their layouts.
//
// # Resource types
//
// A [Resource] is the identity of a resource type. In the type of a component it may be a variable: one that an import
// brings in stands for whatever is given, one that is exported is another in each instance. Both are replaced when the
// component is instantiated, so that between instances the same resource type is the same pointer.
//
// # Bounds
//
// Types share their parts, and so a small component can have types that are very long when they are written out, or
// multiply when they are instantiated. Nothing here goes through a type more than once for one purpose. The number of
// types made, of steps taken, the depth of types and their length when they are written out are bounded.
//
// # Concurrency
//
// Nothing here blocks. A Table is for one goroutine at a time; all else does not change and may be shared.
//
// # Specification
//
// WebAssembly/component-model, design/mvp: Explainer.md, Binary.md, CanonicalABI.md, Subtyping.md. Where it leaves room,
// as for subtypes of value types, other runtimes are followed.
package types
