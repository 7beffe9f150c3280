// Package stdio implements a guest's standard streams: input is what was submitted and then what clients send; output
// goes to the guest's log and to the attached client.
//
// Nothing here blocks. A stream with nothing to read, or no room to write, returns hostcalls.ErrWouldBlock, and
// Notify reports when it is ready. terminal.Port orders the output of a workload that clients can attach to: it
// calls the log while it holds its lock.
package stdio
