// Package usage says what is wrong with a command line: all of it at once, and what was probably meant.
//
// It is for one goroutine, the one that runs the command.
package usage
