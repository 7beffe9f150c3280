// Package wasip3 implements WASI 0.3: wasi:cli, wasi:clocks, wasi:random, wasi:filesystem and wasi:http, as interfaces of the host for
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
// # HTTP
//
// A request or response has either the ends that a component made it with, or a body of the host ([wasihttp.Body]). What a component
// has made and consumes itself, or another one of the store, goes from the one to the other without the host; what the host has given
// and gets back goes on without the component. [Handle] has a component answer a request. wasi:http/client sends those of components
// by the Sender of the process.
//
// # Specification
//
// WebAssembly/WASI, version 0.3.2. The types are written out here, and the imports of the programs of the test suite are compared
// with them.
package wasip3
