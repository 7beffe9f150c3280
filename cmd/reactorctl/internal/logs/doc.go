// Package logs follows the logs of workloads over restarts of the daemon, and prints them.
//
// A Source reads the log of one workload; Run blocks its caller and calls take on that goroutine. A Printer may be used
// from several goroutines, one for each workload; it writes one line, or one run of output, at a time.
package logs
