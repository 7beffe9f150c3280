// Package abi moves values between the host and the memory of guests, and between the memories of two guests, as the
// canonical ABI has it.
//
// A [Plan] belongs to one function and one side of it: a function that a guest calls is lowered for it, one that it
// offers is lifted from it. The plan makes a [Reader] of what came from the guest and a [Writer] of what goes to it:
//
//	            lowered: the guest calls       lifted: the guest is called
//	ReadParams  what it passed
//	WriteResult what it gets
//	WriteParams                                what it is passed
//	ReadResult                                 what it returned
//
// Readers and writers are cursors: host functions read and write one value after the other, without a tree and, for
// numbers, without an allocation. [Reader.Value] and [Writer.Value] move trees, and [Copy] moves what one guest passed to
// another one, from memory to memory.
//
// All three walk types, whose sizes and offsets package types has worked out. A type is not unrolled to a list of steps:
// ten tuples that each hold the one before twice would make a thousand of them.
//
// # Trust
//
// Pointers, lengths, discriminants, characters and text come from guests. Each is checked before it is used, and one that
// is wrong is a [Trap]. What a guest says cannot make the host hold more than [Context.Budget].
//
// # Concurrency
//
// A Plan does not change and may be shared. A Context with its readers and writers belongs to one call, thus to one
// fiber. Work is charged piece by piece, so Memory.Charge may give the worker up; Memory.Realloc runs guest code. Nothing
// else blocks.
//
// # Specification
//
// CanonicalABI.md and canonical-abi/definitions.py of WebAssembly/component-model, as of 2026-08. Handles of streams,
// futures and error contexts go through [Ends]; what a call with them does besides is not here.
package abi
