// Package pipes joins the standard output of one workload to the standard input of another: a guest waits for another
// guest.
//
// Both workloads name each other in their specs, so a pipe is a [Pair] of ids. Each attempt joins its pairs before it
// starts, and gets a [Writer] or a [Reader]. Bytes flow once both have joined, through a bounded pipe in memory that
// makes the writer wait for the reader. What becomes of a pair is a table of states (table.go), a plain value:
//
//   - A workload that has ended by itself, with any exit code, has left: its reader gets the rest and the end of input, its
//     writer a broken pipe.
//   - One that ended otherwise (a trap, a limit, a cancel) has left as well, but its reader gets the rest and then an
//     error, so that no part is taken for the whole.
//   - One that will have another attempt has left so, too, unless it has not used the pipe: then its next attempt takes
//     its place.
//   - One that does not exist is waited for, but not for ever: a partner that is not submitted within [Config.Patience]
//     has left. One that has been submitted is waited for as long as it may start.
//
// A pair is forgotten when both have left. A daemon that starts anew knows no pairs: workloads that are started again
// join new ones, and what had ended before has left.
//
// # Concurrency
//
// The methods of Pipes may be called from any goroutine and do not block, except Join, which may read the store, and
// Close. A Reader or Writer is used on its guest's fiber. A timer's goroutine looks for a partner that has not come. The
// lock of Pipes is taken before those of the pipes in memory and of the executor, and never together with the Runner's.
package pipes
