// Package cancel ends workloads for clients: by their ids, or by what selects them, and tells what became of each.
//
// A cancel by selector goes through the workloads in pieces, because there may be a million: it tells a piece to end,
// waits for the ends for a while, and goes on; what is slow to end is waited for when all have been told. So it
// holds little, however many it cancels.
//
// A Canceller may be used by any goroutine. Do blocks until the ends are in the store; it holds no lock.
package cancel
