// Package files has what every ABI needs to work on files for its guests, besides the files themselves, which are those of
// package vfs.
//
//   - [Appends] has the processes of a node append to a file one after the other.
//   - [Buffer] is a buffer of the host for what is read and written on the blocking pool.
//
// # Concurrency
//
// Everything here may be used from any goroutine, and nothing blocks.
package files
