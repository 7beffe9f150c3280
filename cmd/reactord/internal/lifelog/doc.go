// Package lifelog logs the life of each workload: that it was submitted, that it started, how it ended and what it used;
// and who granted it what.
//
// # Bounds
//
// A flood of short workloads must not fill the disk with lines. After the first lines of a flood only a few a second are
// written. Failures have a budget of their own, so that other lines do not crowd them out, and so have grants and refused
// grants, and what guests fail at on the network. Lines beyond the budgets are counted, and one line in ten seconds tells the counts. At the level debug every line
// is written.
//
// # Concurrency
//
// The hooks are called on goroutines that other workloads need, so they never write: they put a line into a bounded queue,
// or count it if it is full, under a lock that is held for less than a microsecond. [Log.Run] writes the lines, on a goroutine
// of its own, and may block for as long as whoever reads the log does not.
package lifelog
