// Package launch submits workloads under ids that the client has chosen, so that they can be taken back whatever
// happens: an interrupt while the submission is under way, a lost connection, a daemon that is started again.
//
// A Launch is for one goroutine at a time. Submit and Cancel block on the daemon, and end some time after their context.
package launch
