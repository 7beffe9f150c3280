// Package terminal connects a client to the standard streams of a guest.
//
// A [Port] belongs to a workload that is interactive or whose output is to be delivered, from before its start to its
// end. One client at a time is attached to it; a client with a name takes the place of one with the same name. The
// client's input goes through a pipe to the guest's stdin. Its output comes through a bounded queue of runs of both
// streams, in the order in which they were written. The log gets all output as well, whether a client is attached or not.
//
// # What may block
//
// Write never blocks. While a client is attached it takes no more than the queue has room for, so a guest that writes
// faster than its client reads has to park. When the client detaches, waiting guests are notified and write only to the
// log. Client.Next and Client.Send block, and end with their context. The port's lock is taken before those of the log.
//
// # Output from before
//
// Attach determines, under the lock that orders all output, where in the log the client's own output begins.
// The caller replays the log up to there, so that the client sees a prompt that came before it. No
// byte is missing between the two and none comes twice, except that what the log did not keep can
// not be replayed.
//
// # Delivery
//
// If the output is to be delivered, the guest writes no more than the log keeps behind the position up to which clients
// have the output; so nothing is cut out of the log before a client has it. Without a client the guest parks then, for 30
// seconds at most since it started or since the client left, and goes on until a client attaches. Only a guest that is
// parked so has a timer. A client counts as having the output when it has taken it, which says nothing of its connection:
// what was lost there is still in the log, as far as that keeps it.
//
// The guest's input does not belong to a client: it stays open when the client detaches, and the next client
// writes to it, until one of them half-closes it.
package terminal
