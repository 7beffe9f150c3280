// Package snapshot makes a module of the state of an instance: what the instance had in its memory, its globals and
// its tables is what every instance of the new module starts with.
//
//	probe, err := snapshot.NewProbe(binary, limits) // a copy of the module that tells its state
//	...                                             // run an instance of probe.Module
//	state := &snapshot.State{...}                   // read probe.Globals and the memory
//	out, err := probe.Snapshot(state, options)
//
// Both steps are pure functions from bytes to bytes, and the same input gives the same output. They neither block nor
// keep state, and may be called concurrently.
//
// # How the state is found
//
// An instance tells the host only what its module exports. So the probe exports all mutable globals with numbers under
// reserved names. The rest is watched: a global of the probe's own is set wherever the code drops a segment, changes a table, or
// sets a global that holds a vector or a reference. Only what was changed has to be read, and whoever runs the probe may know how
// to read references and tables.
//
// # What becomes of it
//
//   - Memory that is not zero becomes active data segments, and the memory's minimum what it has grown to.
//   - A mutable global starts as the constant that it held.
//   - Segments that have been dropped, as active ones are once they are written, stay there empty: code may refer to
//     them.
//   - Tables, vectors and references that were not changed are as the module declares them. Others become element segments
//     and references to functions. A vector, or what refers to what is not the module's, is refused by a [StateError].
//   - There is no start section, and the functions that made the state are not exported any more: a host would call
//     them again.
//
// Everything else is copied byte for byte: types, imports, code, custom sections.
package snapshot
