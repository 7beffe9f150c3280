// Package daemon builds the daemon from a reactor, the API's server and its listeners, and stops them in
// order.
//
// It owns one serving goroutine for each listener, two that tend the heap, and one that logs the lives of workloads; Stop waits for them. Start and
// Stop block: Start while the store is opened and work is recovered, Stop for the grace period and the times
// listed at slowClients.
package daemon
