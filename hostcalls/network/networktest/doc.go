// Package networktest has a network.Stack in memory, which fails as it is told ([Faults], [Answer]), and the tests that
// every Stack passes ([Run]).
//
// # Concurrency
//
// A Stack, its sockets and its scripts may be used from any goroutine. One lock guards all of it; callbacks of Notify
// are called under it. It starts no goroutine, looks at no clock, and makes the same choices each time, so that tests
// with it are deterministic and run under testing/synctest.
package networktest
