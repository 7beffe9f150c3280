// Package stdio has the standard streams of a guest: its input is what was submitted and what a client sends, and
// its output goes to its log and to the client that is attached.
//
// Nothing here blocks. What has nothing to give, or no room, answers hostcalls.ErrWouldBlock, and tells
// who asks by Notify when it has. The order of output is that of terminal.Port, which calls the log
// under its lock.
package stdio
