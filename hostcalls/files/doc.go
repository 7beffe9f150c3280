// Package files has what every ABI needs to work on files for its guests, besides the files themselves, which are those of
// package vfs.
//
//   - [Folders] runs jobs on files on the blocking pool, in the lanes of their file systems, until a grant is revoked.
//   - [Appends] has the processes of a node append to a file one after the other.
//   - [Buffer] is a buffer of the host for what jobs read and write.
//
// # Concurrency
//
// Folders are used on the fiber of their process, which waits in Do and OpenGranted. Everything else may be used from any
// goroutine, and does not block.
package files
