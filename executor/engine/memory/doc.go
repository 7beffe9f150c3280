// Package memory keeps linear memories outside of the Go heap.
//
// A Pool reserves address space by the tens of gibibytes, carves it into slots
// of a few size classes, and hands one slot at a time to each Account. A slot
// that comes back has its pages returned to the operating system, so resident
// memory is what the living guests have touched, and the next user of the slot
// reads zeroes.
//
// What is counted, and refused beyond a limit, is size and not touched pages: the
// length of a linear memory, plus what its instance reserves besides it (call
// stack, tables). Each byte is counted twice, against the account's limit and
// against the pool's, or not at all.
//
// # Concurrency
//
// A Pool is safe for concurrent use. An Account, and the linear memory it
// backs, belong to one goroutine at a time, except that Used and Peak may be
// called from any. Nothing blocks but for short critical sections around a
// free list, in which an arena may be mapped. Pages of up to 4 MiB are
// returned by whoever frees them; larger memories by the reaper, one goroutine
// that exists while there is something to reap, and that Pool.Close waits for.
package memory
