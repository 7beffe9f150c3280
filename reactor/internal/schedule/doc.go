// Package schedule decides which workload is started when, which module is loaded for it, and who gets the
// node's memory.
//
// A [Scheduler] is a plain value. It has no lock, no clock, no goroutine, no store and no engine: its owner
// guards it by a mutex, tells it what happened and what time it is, and carries out the actions that its
// methods return. No method waits or calls back, and each takes a time that does not grow with the number of
// workloads, but for the logarithm of those that run or are delayed. What is scheduled embeds an [Entry], so
// that a workload that waits costs no allocation here.
//
// # What waits where
//
// Each tenant has a line of its own, and tenants are served in turn, one workload each:
//
//	queue    workloads in the order in which they came; what is put back comes first
//	loading  those whose module is being loaded; it is loaded once for all of them
//	ready    those whose module was waited for; they come before the queue, since their turn was before
//	short    those that the node has no memory for, by size
//
// So whatever a tenant's workloads wait for, the others' are started. The stages are those of package
// lifecycle; queue is Queued, the other three are Loading.
//
// # Memory
//
// What a workload reserves is an estimate: the most that instances of its module have held lately, never less
// than its instance starts with, never more than its own limit. The sum of all reservations is within the
// node's memory at any time, and a guest holds no more than it has reserved: one that needs more asks by
// [Scheduler.Grow] first. If the node has no more, in this order:
//
//  1. Younger workloads go back to the queue, the youngest first, those of the same tenant before others', and
//     the one that asked waits until their memory is free. Younger is who was first started later; a workload
//     that went back keeps its age. So the oldest always goes on, and everyone becomes the oldest some time.
//  2. If that is not enough, the one that asked goes back.
//  3. What goes back is started again when what it needed is free, and the second time when all that it may
//     use is. So no workload has to ask more than twice. One that was taken back three times for others is
//     not any more.
//
// A workload that needs more than the whole node has is refused.
//
// # Holds
//
// A workload that does not fit lets others pass for [Config.Patience]. Then, one workload at a time, what
// becomes free is kept for it, and others do not start: unless what was started before stands in its way all
// by itself, because then it would not help; unless they are another tenant's who has not got its share of
// the memory; and for a bounded time, doubled from round to round, so that a node on which others are
// started for long does not stand still. (TestEveryInterleaving, TestHold)
//
// Rejected: a queue that waits for its first (one submission stops the node); passing without bounds (large
// workloads never start); keeping a large workload's memory whatever runs (the same stop, for as long as a
// service runs).
package schedule
