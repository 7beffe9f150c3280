// Package conformance runs the WASI preview 1 programs of the public wasi-testsuite
// (github.com/WebAssembly/wasi-testsuite) against the library. It has no API; the results are in
// docs/conformance.md.
//
// The suite is not part of this repository. With a copy of it that holds the built programs (its
// branch prod/testsuite-base does):
//
//	REACTORD_WASI_TESTSUITE=<copy> go test ./integration/conformance -v [-args -table results.md]
package conformance
