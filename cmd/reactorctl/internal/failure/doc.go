// Package failure says how the error of a command is told: to people in a few lines, with the flags that they wrote and
// what to do next, and to programs as one object.
//
// Everything is pure, except that whoever makes a Daemon may look at the network.
package failure
