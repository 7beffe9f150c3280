// Package wasip3 implements WASI 0.3: wasi:cli, wasi:clocks, wasi:random and wasi:filesystem, as interfaces of the host for
// components, one file for each package.
//
// [Interfaces] are the tables: WIT texts, and functions over the cursors of package component. A [State] is what the functions work
// on: the descriptors that the component of a store has handles of. Package wasi does what they say.
//
// # Waiting
//
// An asynchronous function waits on a fiber of its own while the component goes on; a timer needs none. What a stream carries is
// written by a Producer or read by a Consumer, which never wait: files are read and written by jobs of the blocking pool, one for
// each stream and a bounded number for each store.
//
// # Streams and their results
//
// A function with a stream also gives a future, which tells how it has ended. That of a stream that the component writes has its
// value when all bytes are out. A component that exits does not lose what a stream has taken of it.
//
// # Specification
//
// WebAssembly/WASI, version 0.3.2. The types are written out here, and the imports of the programs of the test suite are compared
// with them.
package wasip3
