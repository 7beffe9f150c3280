// Package cli implements reactorctl: its commands, their flags, and what they print.
//
// Each command runs on the caller's goroutine and makes gRPC calls that end with the context it is given. run and
// attach use one more goroutine to copy standard input; it ends with the process, since a read from a terminal
// cannot be interrupted.
//
// Exit statuses are part of the interface; exit.go defines them.
package cli
