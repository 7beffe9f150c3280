// Package toolchain says, of what can't be run as a module of WASI preview 1, what probably made it and what to build
// instead. It is pure.
package toolchain
