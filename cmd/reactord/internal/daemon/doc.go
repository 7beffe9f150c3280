// Package daemon puts a reactor, the API's server and its listeners together, and takes them down
// again in order.
//
// It owns the goroutines that serve, one for each listener, and the two that tend the heap; Stop
// waits for them. Start and Stop block: Start while the store is opened and work is recovered, Stop
// for the grace period.
package daemon
