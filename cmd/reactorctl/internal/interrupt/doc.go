// Package interrupt turns the signals that ask a command to end into a context and a channel. The first signal ends the
// context: the command stops what it does, and takes back what it has started. The second closes the channel: the
// command ends at once. A third one kills the process.
//
// One goroutine receives the signals; it ends with the process. Do starts one more, which may outlive it.
package interrupt
