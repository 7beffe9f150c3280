// Package schedule decides which workload starts when, which module is loaded for it, and who gets the node's memory.
//
// A [Scheduler] is a plain value without lock, clock, goroutine, store or engine. Its owner guards it with a mutex, tells
// it what happened and what time it is, and carries out the actions that its methods return. No method blocks or calls
// back. The time that a method takes does not grow with the number of workloads, except for the logarithm of the number
// of those that run or are delayed, and except that [Scheduler.Grow] takes time for each workload that it sends
// back. Whatever is scheduled embeds an [Entry], so a waiting workload costs no allocation here.
//
// # Queues
//
// Each tenant has a line of its own, and tenants are served in turn, one workload each. A line has:
//
//	queue    workloads in the order in which they came; those that were put back come first
//	loading  workloads whose module is being loaded, once for all of them
//	ready    workloads whose module has been loaded; they go before the queue, since their turn came earlier
//	short    workloads that the node has no memory for, by size
//
// So whatever one tenant's workloads wait for, the others' are started. The stages are those of package
// lifecycle: queue is Queued, the other three are Loading.
//
// # Memory
//
// A workload reserves an estimate: the most that recent instances of its module have held, but at least what its
// instance starts with and at most its own limit. The sum of all reservations never exceeds the node's memory, and a
// guest holds no more than it has reserved: to grow beyond, it first asks with [Scheduler.Grow]. If the node has no
// more memory, then in this order:
//
//  1. Younger workloads go back to the queue, the youngest first, those of the same tenant before others', and
//     the one that asked waits until their memory is free. A workload is younger if it was first started later;
//     one that went back keeps its age. So the oldest always goes on, and everyone becomes the oldest some time.
//  2. If that is not enough, the one that asked goes back.
//  3. A workload that went back is started again when what it needed is free, and after the second time when all
//     that it may use is free, so that it need not ask again. If others run for so long that this does not come, it
//     is started with what it asked for; the time until then doubles each time. (TestAllIsNeverFree) A workload
//     goes back at most three times to make room for others.
//
// A workload that needs more than the whole node has is refused.
//
// # Holds
//
// A workload that does not fit lets others pass for [Config.Patience]. Then freed memory is kept for it, for one
// workload at a time. Others start all the same in three cases:
//
//   - Workloads that were started earlier leave too little memory by themselves: keeping memory would not help.
//   - The other workload belongs to another tenant, which has less than its share of the memory.
//   - A time has passed, which doubles from round to round: a node whose workloads run for long must not stand still.
//
// (TestEveryInterleaving, TestHold)
//
// Rejected: a queue that waits for its first (one submission stops the node); passing without bounds (large
// workloads never start); keeping a large workload's memory whatever runs (the same stop, for as long as a
// service runs).
package schedule
