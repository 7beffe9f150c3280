// Package access decides what a guest may open by itself: by the grants of its workload, as long as they are not revoked,
// and by what the operator allows, which is asked each time, since it may change. It only compares names and addresses, and
// looks nothing up.
//
// Nothing blocks. All methods may be called from any goroutine.
package access
