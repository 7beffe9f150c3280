// Package testkit runs the built binaries for the integration tests and benchmarks: it builds them
// once for a test process, starts daemons on free ports with folders of their own, and stops them.
//
// A Daemon belongs to the test that started it, which ends it at its cleanup at the latest. Two
// goroutines serve it: one reads its log, one waits for its end; both end with the process, and
// Stop waits for both. Clients are for any goroutine.
package testkit
