// Package render prints the API's messages: for people as tables on a screen, for programs as JSON or YAML. Everything
// that it prints is printable, whoever chose the text (see package printable).
//
// Everything may be called from any goroutine, each call with a screen or writer of its own. It blocks as long as
// what it writes to does. Times are shown by the clock of this machine.
package render
