// Package attach connects a command to the standard streams of a workload until the workload has ended, over lost
// connections and restarts of the daemon.
//
// Run blocks its caller, who gets all output in order from that goroutine. Another one sends the input; it ends before
// Run returns. A third reads input that cannot be interrupted, such as a terminal's, and ends with the input or with the
// process.
package attach
