// Package wasm is a codec for the binary format of WebAssembly core modules.
//
// [Decode] decodes a module as far as a rewriting pass needs, and [Module.Encode] encodes it again. Function
// bodies and constant expressions stay bytes; [ParseBody] decodes a body to instructions.
//
// For any bytes Decode returns a module or an *[Error], in time and memory proportional to the input. It
// checks structure, limits, and the indices that it follows. It does not check types; the engine that
// compiles the module does.
//
// WebAssembly 2.0 with tail calls and extended constant expressions is accepted, with one memory and without
// shared memory. Instructions and types of other proposals are refused with the name of their feature.
//
// All functions may be called concurrently; none blocks.
//
// The format is defined in https://webassembly.github.io/spec/core/binary/.
package wasm
