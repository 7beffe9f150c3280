package files

import (
	"errors"

	"github.com/reactord/reactord/executor/engine"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Op is the operation on a file or folder at a path of the guest's, with a buffer of a size.
func Op(path string, size uint32) hostcalls.Op {
	return hostcalls.Op{Kind: hostcalls.OpFile, Target: path, Bytes: uint64(size)}
}

// OpBy is Op for what is open by a grant, which operations show.
func OpBy(by *lease.Lease, path string, size uint32) hostcalls.Op {
	op := Op(path, size)
	op.Subject = Held{by}
	return op
}

// Held tells by which grant something is open that counts no bytes, as a hostcalls.Subject.
type Held struct{ By *lease.Lease }

// Transferred implements hostcalls.Subject. It is not counted.
func (Held) Transferred(hostcalls.OpKind) uint64 { return 0 }

// Grant implements hostcalls.Subject.
func (h Held) Grant() string { return h.By.String() }

// Do runs a job on what is open through a grant on the blocking pool, and waits for it. It ends the guest if that is
// cancelled. If the grant is revoked it returns lease.ErrRevoked at once, and the job either runs to its end, or does not
// begin. In both cases discard, unless nil, runs, and what the job reads of the caller's is not the caller's any more.
func (f *Folders) Do(c *hostcalls.Call, by *lease.Lease, op hostcalls.Op, job, discard func()) error {
	skipped := false // set by the job, read once it is over
	unlessRevoked := func() {
		if skipped = by.Revoked(); !skipped {
			job()
		}
	}
	defer by.OnRevoke(c.Waker())()
	err := c.BlockingUntil(by.Err, op, f.Lane(c, op), unlessRevoked, discard)
	switch {
	case err == nil && skipped:
		if discard != nil {
			discard()
		}
		return lease.ErrRevoked
	case err != nil && (c.Err() != nil || !errors.Is(err, lease.ErrRevoked)):
		engine.Abort(err)
	}
	return err
}

// Hold has what is open by a grant closed when that is revoked.
func (f *Folders) Hold(c *hostcalls.Call, hold *lease.Hold, by *lease.Lease, path string, n vfs.Node) {
	if by == nil {
		return
	}
	op := Op(path, 0)
	lane := f.Lane(c, op)
	hold.Take(by, func() { c.Release(op, lane, func() { _ = n.Close() }) })
}

// Close closes a file or folder on the blocking pool. It does not wait; onClosed is called afterwards, from any goroutine.
func (f *Folders) Close(c *hostcalls.Call, path string, n vfs.Node, onClosed func()) {
	op := Op(path, 0)
	c.Release(op, f.Lane(c, op), func() {
		_ = n.Close()
		onClosed()
	})
}

// OpenGranted opens a folder that was granted, and adds it. An error may be the cause of a cancel.
func (f *Folders) OpenGranted(c *hostcalls.Call, g capability.Folder, permit capability.Permit) (*vfs.Dir, error) {
	f.Add(g)
	op := Op(g.GuestPath, 0)
	var dir *vfs.Dir
	var err error
	cancelled := c.Blocking(op, f.Lane(c, op),
		func() { dir, err = openPermitted(g, permit) },
		func() {
			if dir != nil {
				_ = dir.Close()
			}
		})
	if cancelled != nil {
		return nil, cancelled
	}
	return dir, err
}

// openPermitted opens exactly the folder that the permit allows, and not one that has replaced it since.
func openPermitted(g capability.Folder, permit capability.Permit) (*vfs.Dir, error) {
	if permit == nil {
		return vfs.OpenDir(g.HostPath, g.ReadOnly)
	}
	exact, err := permit.Dir(g.HostPath)
	if err != nil {
		return nil, err
	}
	return vfs.OpenDirExactly(exact, g.ReadOnly)
}
