// Package revoke revokes grants of workloads for clients: in memory, where they take effect at once, and in the store. When
// [Revoker.Do] returns without an error, neither the workload nor a further attempt of it has what was revoked, whatever
// happens to the daemon. After an error of the store the revocation may have taken effect all the same, until the daemon
// ends.
//
// All methods may be called from any goroutine, and block.
package revoke
