// Package access decides what a guest may open by itself: by the grants of its workload, and by what the operator allows,
// which is asked each time, since it may change. It only compares names and addresses, and looks nothing up.
//
// An [Access] has a [Grant] for each grant of the workload, by which a guest's sockets are open, so that they end when it is
// revoked.
//
// Nothing blocks. All methods may be called from any goroutine. Callbacks of OnRevoke are called on the goroutine that
// revokes, with no lock held.
package access
