// Package cli implements reactorctl: its commands, their flags, and what they print.
//
// A command runs on a goroutine of its own and makes gRPC calls that end with the context it is given; a second interrupt
// makes Main return before it has ended. What no context reaches, such as a read from a terminal or a write to a pipe that
// is full, has a goroutine more, which may end only with the process (package interrupt).
//
// Exit statuses are part of the interface; exit.go defines them.
package cli
