// Package memory provides linear memories outside of the Go heap.
//
// A Pool reserves address space, tens of gibibytes at a time, and divides it into slots of a few size
// classes. Each Account holds a slot for each linear memory of one guest, which usually has one. When a slot is
// given back, its pages return to the operating system, except those of a few slots of which little was touched: they are cleared.
// So resident memory is what living guests have touched and some MiB, and the next user of a slot reads zeroes.
//
// An account may have annexes besides, each in a slot of its own, for what the host keeps for the guest: its tables.
//
// A memory may begin with an [Image] instead of zeroes: data that many memories share until they write it.
//
// Limits apply to sizes, not to touched pages: the length of linear memories, plus what their guest
// reserves besides them (call stack, tables). A reservation is counted against both limits, the account's
// and the pool's, or refused and counted against neither.
//
// # Concurrency
//
// A Pool is safe for concurrent use. An Account and its linear memories belong to one goroutine at a
// time, except that Used and Peak may be called from any. Only Allowance.Ask may block; everything else
// waits at most for short critical sections around a free list, in which an arena may be mapped.
//
// Whoever frees a memory of up to 2 MiB, or a larger one of which little was touched, clears its pages or returns them to the
// system. The reaper, a goroutine that
// exists only while there is work for it, returns those of others. Pool.Close waits for it.
package memory
