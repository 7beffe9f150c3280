// Package channel carries the streams and futures of one call between a component and the client that has called it.
//
//	Exchange  the channels of a call, its result, and its cancel
//	In        what the client writes and the component reads
//	Out       what the component writes and the client reads
//
// # Channels
//
// A channel is a stream or a future that has a number. Whoever writes it chooses the number, and so the client and the daemon
// number theirs apart. A channel exists from when a value names it: an argument, the result, or an item of another channel.
// Its reader grants a window, of items and of their bytes, and the writer sends no more than that; so what waits in a channel has
// a bound, and a reader that is slow stops only its own writer. The number of open channels has a bound, too.
//
// # Concurrency
//
// The methods of an Exchange are the client's side: they may be called from any goroutine, and none blocks but Next and Opened.
// The methods of In and Out are the component's side, called on its fiber; they never block. What there is to do on the other side
// is told by a function (the component's) or a signal (the client's).
package channel
