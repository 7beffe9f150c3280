// Package storetest tests that an engine of the store does what package store promises: a suite of tests, a
// comparison with a model in memory, a crash test that kills a process while it writes, and benchmarks. An engine's
// test calls [Run] and [Benchmark].
package storetest
