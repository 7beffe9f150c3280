// Package lease has grants as a process holds them. A [Lease] is one grant in one attempt, from its start until the grant
// is revoked or the attempt is over. What is opened through a grant asks its lease before it is used, and has the lease
// call it when it is revoked.
//
// A revoked lease stays revoked. The callbacks run on the goroutine that revokes, and no lock of the lease is held
// meanwhile, so they may take locks of their own and must not block. Lease.Revoke returns when all of them have
// returned: what was open through the grant is closed then.
//
// All methods may be called from any goroutine.
package lease
