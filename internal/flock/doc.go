// Package flock locks files against other processes.
//
// A lock is the kernel's: it belongs to the open file, is given back when that is closed, and does not outlive
// the process. Nothing here blocks.
package flock
