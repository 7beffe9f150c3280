// Package cli has the commands of reactord. The one that runs the daemon also handles signals and sets up the log;
// the daemon itself is in package daemon.
//
// Main runs one command on the goroutine that calls it, and blocks until the command is over.
package cli
