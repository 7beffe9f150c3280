// Package inflight bounds what clients have in flight: connections, calls, messages on their way in
// with what becomes of them, and answers that were not read yet. It stands between the listeners and
// gRPC on one side, and between gRPC and the handlers on the other.
//
// Everything is bounded in three steps, so that whoever asks for little is never kept waiting by those
// who ask for much:
//
//  1. every connection has a little of its own, which nobody else can take;
//  2. beyond, it draws on a [Pool] that all connections share, and gets no more than is left over
//     (TestHogLeavesRoom): with k connections that take what they can, each has 1/(k+1) of the pool,
//     and so has the next;
//  3. what does not fit waits a short while, then is refused with TOO_MUCH_IN_FLIGHT and when to try
//     again. What is held too long (a message that stays incomplete, an answer that is not read)
//     costs its connection.
//
// A message is paid for before it is received. A [Conn] follows the frames of HTTP/2 as gRPC reads
// them, so it knows the length that a message announces when gRPC holds no more of it than the
// flow-control window (64 KiB); the handler's goroutine reserves what receiving, decoding and
// handling it will take, and only then lets gRPC ask for the rest. Waiting there holds up neither
// the connection nor its other calls. An answer is paid for between its encoding and the moment at
// which gRPC has written or dropped it.
//
// Three goroutines of gRPC meet here: the connection's reader (Read, Tap), its writer (Write, and the
// release of what was written), and each call's handler. Conn.mu guards what they share and is held
// for no longer than it takes to look at it; Pool has a lock of its own, taken last. The reader blocks
// only where its own connection has more bytes unread than it has a right to.
package inflight
