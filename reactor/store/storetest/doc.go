// Package storetest holds what every engine of the store must do: a suite of tests, a comparison with a
// model in memory, a crash test that kills a process while it writes, and benchmarks.
package storetest
