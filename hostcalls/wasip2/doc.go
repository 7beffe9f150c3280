// Package wasip2 implements WASI 0.2 as interfaces of the host for components: wasi:io, wasi:cli, wasi:clocks, wasi:random,
// wasi:filesystem, wasi:sockets and wasi:http, one file for each interface, or several.
//
// [Interfaces] are the tables: WIT texts, and functions over the cursors of package component. A [State] is what the functions work
// on: the streams, descriptors and sockets that the component of a store has handles of. Package wasi does what they say.
//
// # Waiting and charging
//
// All functions run on the store's fiber and none blocks its worker. What waits (poll, blocking-read, work on files) parks
// the fiber; a poll is one wait for all of its pollables. Calls are charged by the runtime, bytes where values move, and here
// and in package wasi what comes in addition.
//
// # Streams
//
// A write to a file or to a standard stream is over when it returns. What a socket does not take at once waits in a buffer of
// the host, of at most 64 KiB, and goes out whenever the component waits for anything: a component that waits for an answer
// must not keep its own question.
//
// # HTTP
//
// A component may write some of a body before the message is sent, up to what a body holds; to flush it has no effect. When a handler
// has returned, a body that it has not finished is broken, since no code of the component runs any more.
//
// # Grants
//
// Folders are preopens. A grant of a listener or a connection has no handle in WASI 0.2: a socket that the component binds to
// the listener's address stands for it, and a connection that was made beforehand can't be handed over; see package wasi.
//
// # Specification
//
// WebAssembly/WASI, branch wasi-0.2, proposals/*/wit, version 0.2.12. The types are written out here; a test compares them with
// the specification's.
package wasip2
