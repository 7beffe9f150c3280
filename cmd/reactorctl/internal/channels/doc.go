// Package channels makes a call whose streams and futures come from files and the standard input, and go to the output.
//
//	Sources  what the arguments are made from, opened while the call is parsed
//	Call     the call: it sends each source within the window of its channel, and gives what comes back to a Printer
//	Text     prints it for people and pipes, Documents as messages of the API
//
// # Concurrency
//
// Run blocks until the call has ended, or could not be ended in time after it was given up. It has one goroutine that receives, one
// that prints and one for each source. A printer that blocks holds up only what is printed: no window is granted meanwhile, so
// what waits for it has a bound. A read from a terminal and a write to a full pipe cannot be interrupted: goroutines that are in
// one when Run returns end with it, or with the process.
package channels
