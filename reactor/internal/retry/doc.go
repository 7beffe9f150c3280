// Package retry knows which failures of the host pass, how long to wait before what met one is tried
// again, and when to tell the operator.
//
// A failure that passes says nothing about the work that met it: the daemon was out of descriptors, a
// disk was full, a file system away. Work that was acknowledged waits for its end. A failure that
// lasts is the work's own: a folder that is not there, a peer that refuses.
//
//   - [OfFile] and [OfNetwork] classify an error. They are pure.
//   - [Backoff] is how long to wait. It is pure.
//   - [Ledger] counts who waits for which trouble, so that the log says once that a trouble began
//     and once that it is over, however many meet it.
//
// All are plain values without locks or clocks of their own; the owner guards them and tells the time.
package retry
