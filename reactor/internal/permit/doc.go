// Package permit decides what may be granted, by what the operator allows and where paths and names really lead. It
// is asked twice: when grants are submitted ([Permit.Check]), so that a client hears of a refusal at once, and when
// they are opened, as a [capability.Permit]. The second answer counts, since links and names may lead elsewhere by
// then, and an earlier daemon may have allowed more.
//
// Check waits for the file systems of folders, for a few seconds at most and on few threads (package
// lookup). Dir and Secret block as long as the file system does: they are for jobs on the blocking pool. The other methods do
// not block. All may be called from any goroutine.
package permit
