// Package notify tells goroutines that something has changed, without saying what: they look for themselves.
//
//   - A [Signal] is for the one goroutine that works something off. It remembers that it was set until
//     that goroutine has seen it, however often it is set.
//   - A [Broadcast] is for any number that wait for the next change. It remembers nothing: who waits asks
//     for the channel first, then looks, then waits.
//
// Setting and telling never block.
package notify
