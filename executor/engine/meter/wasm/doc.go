// Package wasm is a codec for the binary format of WebAssembly core modules:
// [Decode] takes a module apart as far as a rewriting pass needs, and
// [Module.Encode] puts it together again. Function bodies and constant
// expressions stay bytes; [ParseBody] makes instructions of a body.
//
// Decode is total: for any bytes it returns a module or an *[Error], in time
// and memory proportional to the input. It checks structure, indices it
// follows and limits. It does not check types; the engine that compiles the
// module does.
//
// Accepted is WebAssembly 2.0 with tail calls and extended constant
// expressions, with one memory and without shared memory. Instructions and
// types of other proposals are refused by name.
//
// The format is defined in https://webassembly.github.io/spec/core/binary/.
package wasm
