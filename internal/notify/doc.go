// Package notify tells goroutines that something has changed, without saying what: they look for themselves.
//
//   - A [Signal] is for one goroutine that processes pending work. It remembers that it was set, however often, until
//     that goroutine has received it.
//   - A [Broadcast] is for any number of goroutines that wait for the next change. It remembers nothing: a waiter gets
//     the channel first, then looks, then waits.
//
// Setting and telling never block.
package notify
