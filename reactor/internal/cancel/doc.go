// Package cancel cancels workloads for clients, by ids or by a selector, and reports what became of each.
//
// There may be a million workloads, so a cancel by selector works in pieces: it cancels a piece, waits a while for the
// ends, and goes on. Workloads that are slow to end are waited for last. So its memory grows only with the number of
// those, which may be all in the worst case.
//
// A Canceller may be used by any goroutine. Do blocks until the ends are in the store; it holds no lock.
package cancel
