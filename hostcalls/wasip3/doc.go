// Package wasip3 implements WASI 0.3, as interfaces of the host for components: wasi:cli, wasi:clocks, wasi:random, wasi:filesystem,
// wasi:sockets and wasi:http.
//
// [Interfaces] are the tables: WIT texts, and functions over the cursors of package component. A [State] is what the functions work
// on: the descriptors and sockets that the component of a store has handles of. Package wasi does what they say.
//
// # Waiting
//
// Asynchronous functions on files wait on fibers of their own while the component goes on. Those on sockets, lookups of names and
// timers, of which there may be many, need none. What a stream carries is written by a Producer or read by a Consumer, which never
// wait: sockets and standard streams say when they are ready, and files are read and written by jobs of the blocking pool, one for
// each stream and a bounded number for each store.
//
// # Streams and their results
//
// A function with a stream also gives a future, which tells how it has ended. That of a stream that the component writes has its
// value when all bytes are out. A component that exits does not lose what a stream has taken of it.
//
// A socket has no buffer in the host: what its stream has taken, the system has. The socket, its handle and its streams are
// independent of each other, and it is closed when all of them are dropped; each stream that ends shuts its direction down.
//
// # HTTP
//
// A request or response has either the ends that a component made it with, or a body of the host ([wasihttp.Body]). What a component
// has made and consumes itself, or another one of the store, goes from the one to the other without the host; what the host has given
// and gets back goes on without the component. [Handle] has a component answer a request: whoever asks is told when all of the response
// is there, or the store stops running, and so is mostly woken once. wasi:http/client sends those of components by the Sender of the
// process.
//
// # Specification
//
// WebAssembly/WASI, version 0.3.2. The types are written out here; a test compares them with the specification's.
package wasip3
