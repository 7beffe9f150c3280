// Package testkit runs the built binaries for integration tests and benchmarks: it builds them once for each test
// process, starts daemons on free ports with folders of their own, and stops them.
//
// The errors that a Daemon's clients see are compared with those that the .proto files list for each call: one that is not
// listed fails the test.
//
// A Daemon belongs to the test that started it, and is stopped at the test's end at the latest. Two goroutines serve it:
// one reads its log, one waits for its end. Both end with the process, and Stop waits for both. A Client may be used
// from any goroutine.
package testkit
