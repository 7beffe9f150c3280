// Package conformance runs public test suites against the library. It has no API; the results are in docs/conformance.md. The
// suites are not part of this repository: environment variables name copies of them.
//
// The WASI preview 1 programs of wasi-testsuite (github.com/WebAssembly/wasi-testsuite), with a copy that holds the built
// programs (its branch prod/testsuite-base does):
//
//	REACTORD_WASI_TESTSUITE=<copy> go test ./integration/conformance -v [-args -table results.md]
//
// The same programs as commands of WASI 0.2, with a folder that adapt.sh made:
//
//	REACTORD_WASI_TESTSUITE_ADAPTED=<folder> go test ./integration/conformance -run TestAdapted
//
// The scripts of the component model, of Wasmtime and of wasm-tools, with a folder that convert.sh made:
//
//	REACTORD_COMPONENT_TESTSUITES=<folder> go test ./integration/conformance [-args -update]
//
// The runtime tests of wit-bindgen, with a folder that bindings.sh made:
//
//	REACTORD_WIT_BINDGEN_TESTS=<folder> go test ./integration/conformance -run TestBindings
//
// Components of random types, against Wasmtime in a Python, or by themselves:
//
//	[REACTORD_WASMTIME_PYTHON=<python>] go test ./integration/conformance -run TestEchoes
package conformance
