// Package stdio has the standard streams of a process as every ABI gives them to its guests: counted, named in operations,
// and closed when the guest closes them.
//
// # Concurrency
//
// An [In] or [Out] is used on the fiber of its process. Its methods as a hostcalls.Subject may be called from any goroutine.
// Nothing blocks.
package stdio
