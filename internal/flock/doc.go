// Package flock locks files against other processes.
//
// The kernel owns the locks: a lock belongs to the open file, is released when that is closed, and does not outlive the
// process. Nothing here blocks.
package flock
