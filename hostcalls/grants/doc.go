// Package grants opens the grants of a process, in terms that every ABI has, and keeps what a process has by them.
//
// A [Set] opens each grant when the process starts, and hands what it has opened to the ABI, as a [Receiver], which gives it
// to the guest in its own form: a descriptor, a handle. What grants only allow is in the Set's Folders and Network.
//
// A grant that was revoked before the process starts stands for nothing, but has the same place among the others.
//
// # Concurrency
//
// A Set is used on the fiber of its process, which waits in Open. Only ListenAddresses may be called from any goroutine.
package grants
