// Package permit decides what may be granted, by what the operator allows and where things really are. It is
// asked when grants are submitted ([Permit.Check]), so that a client hears of a refusal at once, and when
// they are opened, as a [capability.Permit]. The second is what counts, since links and names may lead
// elsewhere by then, and the workload may be of a daemon that allowed more.
//
// Check waits for the file systems of folders, no longer than a few seconds and on few threads (package
// lookup). Dir blocks as the system does: it is for a job on the blocking pool. The others do not
// block. All may be called from any goroutine.
package permit
