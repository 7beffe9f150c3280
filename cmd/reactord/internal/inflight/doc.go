// Package inflight bounds what clients have in flight: connections, calls, requests and the memory their
// handling takes, and answers that the client has not read yet. It sits between the listeners and gRPC, and
// between gRPC and the handlers.
//
// Each resource is bounded in three steps, so that a client that asks for little never waits for clients
// that ask for much:
//
//  1. Every connection has a small amount of its own, which nobody else can take.
//  2. Beyond that it draws on a [Pool] that all connections share, and never holds more of the pool than the
//     pool has free (TestHogLeavesRoom): with k connections that take what they can, each has 1/(k+1) of the
//     pool, and the next one finds as much.
//  3. What does not fit waits a short while and is then refused with TOO_MUCH_IN_FLIGHT and a time to try
//     again. A client that holds something too long (a message that stays incomplete, an answer that it
//     does not read) loses its connection.
//
// Memory for a message is taken before the message is received. A [Conn] follows the HTTP/2 frames as gRPC
// reads them, so it knows the length that a message announces while gRPC holds no more of it than the
// flow-control window (64 KiB). The handler's goroutine takes the memory for receiving, decoding and handling
// the message, and only then lets gRPC ask the client for the rest. While it waits for memory, neither the
// connection nor its other calls wait. Memory for an answer is held from its encoding until gRPC has written
// or dropped it.
//
// Three kinds of gRPC's goroutines meet here: a connection's reader (Read, and gRPC's tap handler), its writer
// (Write, and the release of what was written), and the handler of each call. Conn.mu guards what they share and is
// held only for short, non-blocking sections; a Pool has its own lock, which is taken last. The reader blocks while
// its own connection has too many bytes that have come in and that no handler has taken, too many calls that have not
// started, or too many calls that the client gave up and frames of which nothing comes (frames.Trust). Otherwise it
// waits only for the client's next bytes.
package inflight
