// Package retry knows which failures of the host are transient, how long to wait before work that met one
// is tried again, and when to tell the operator.
//
// A transient failure says nothing about the work that met it: the daemon was out of descriptors, a disk
// was full, a file system could not be reached. Acknowledged work waits until the failure is over. A
// permanent failure is the work's own: a folder that does not exist, a peer that refuses.
//
//   - [OfFile] and [OfNetwork] classify an error. They are pure.
//   - [Backoff] is how long to wait. It is pure.
//   - [Ledger] counts the workloads that wait for each trouble, so that the log says once that a trouble
//     began and once that it is over, however many workloads meet it.
//
// All are plain values without locks or clocks of their own; the owner guards them and tells the time.
package retry
