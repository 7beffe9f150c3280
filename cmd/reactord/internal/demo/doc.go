// Package demo shows what reactord does: it starts a daemon, drives it through its API as any
// client would, and reports.
//
// Run owns all that it starts, the daemon and its folder included, and returns when they are gone.
// Beside it two goroutines follow the daemon's streams, of statistics and of changes; they share
// with it a tally under a lock.
package demo
