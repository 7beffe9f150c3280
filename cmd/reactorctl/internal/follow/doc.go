// Package follow keeps a command with its workload while the daemon is gone for a while: it was restarted, or the
// connection was lost. A Follower makes a call again until the daemon answers, and says once that the daemon is gone
// and once that it is back. A Cursor says how far a reader has come in a workload's output, so that it goes on there.
//
// A Follower may be used from several goroutines at once, which then share one outage; Do blocks its caller. A Cursor
// is a plain value for one goroutine.
package follow
