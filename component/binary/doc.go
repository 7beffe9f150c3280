// Package binary is a codec for the binary format of components.
//
// [Decode] decodes a component into its definitions, as they are written, with the offset of each. For any bytes it
// returns a component or an *[Error], in time and memory proportional to the input. It checks structure, limits and
// names' encoding; indices, the grammar of names and types are package types' to check. Core modules stay bytes.
//
// The whole format is decoded, whatever is gated in the specification included, but for what is refused with the name
// of its feature: component values, core types beyond functions and modules, canonical options and functions of
// proposals for threads and garbage collection.
//
// All functions may be called concurrently; none blocks.
//
// The format is defined in WebAssembly/component-model, design/mvp/Binary.md.
package binary
