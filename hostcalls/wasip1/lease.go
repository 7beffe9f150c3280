package wasip1

import (
	"github.com/reactord/reactord/hostcalls/lease"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// Revocation. A descriptor keeps the grant by which it is open, under whatever number it has, and hands it on to what is
// opened or accepted through it. (Those of sockets are kept by the network.) When the grant is revoked:
//
//   - what the host has open for it is closed, from the goroutine that revokes;
//   - the fiber is woken, in case it waits for it, and the call returns errnoNotcapable;
//   - table.get refuses the descriptor with the same errno. What tells about the number, and not about what it stands for,
//     still works: fd_close, fd_renumber, fd_fdstat_get, and for the search for preopened folders fd_prestat_get and
//     fd_prestat_dir_name. Programs give up when that search fails.
//
// An attempt that starts after the revocation has a descriptor in the same place that never stood for anything, so that
// the numbers of the others are what they were.

// holdBy says by which grant a descriptor is open. onRevoke, unless nil, is called when it is revoked, from any goroutine.
func (s *fdstat) holdBy(l *lease.Lease, onRevoke func()) { s.grant.Take(l, onRevoke) }

// giveUp ends the hold, once.
func (s *fdstat) giveUp() { s.grant.GiveUp() }

// revoked reports whether a grant by which a descriptor is open was revoked. Sockets hold theirs in the network.
func revoked(d descriptor) bool {
	if d.stat().grant.Lease().Revoked() {
		return true
	}
	s, ok := d.(netSocket)
	return ok && network.Revoked(s.socket())
}

// holdNode is holdBy for a file or folder of the host, which is closed when the grant is revoked.
func (p *Process) holdNode(s *fdstat, l *lease.Lease, path string, n vfs.Node) {
	p.granted.Folders.Hold(&p.Call, &s.grant, l, path, n)
}

// revokedSocket stands for a listener or a connection whose grant was revoked before the process started.
type revokedSocket struct{ fdstat }

func (*revokedSocket) close(_ *Process, onClosed func()) { onClosed() }
