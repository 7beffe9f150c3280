// Package demo is `reactord demo`: it starts a daemon, runs thousands of guests through its API as any
// client would, and reports how that went.
//
// A demo is of one kind of guest. If that is a component, many calls wait in one instance first, and then as many instances as
// there are of any guest.
//
// Run owns the daemon and its folder, and returns when both are gone. Two more goroutines follow the daemon's
// streams of statistics and changes; all three share a tally, which has a lock.
package demo
