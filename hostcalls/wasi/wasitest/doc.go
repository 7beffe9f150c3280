// Package wasitest compares the interfaces of a version of WASI with its specification. Its functions are for tests, and each is used
// from one goroutine.
package wasitest
