package wasip1

import (
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
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

// held tells by which grant a file is open, as a hostcalls.Subject.
type held struct{ by *lease.Lease }

// Transferred implements hostcalls.Subject. It is not counted for files.
func (held) Transferred(hostcalls.OpKind) uint64 { return 0 }

// Grant implements hostcalls.Subject.
func (h held) Grant() string { return h.by.String() }

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
	if l == nil {
		return
	}
	op := fileOp(path, 0)
	lane := p.lane(op)
	s.holdBy(l, func() { p.Release(op, lane, func() { _ = n.Close() }) })
}

// revokedSocket stands for a listener or a connection whose grant was revoked before the process started.
type revokedSocket struct{ fdstat }

func (*revokedSocket) close(_ *Process, onClosed func()) { onClosed() }

// revokedOpener opens grants that were revoked before the process started.
type revokedOpener struct{ opener }

// OpenFolder implements capability.Opener.
func (o revokedOpener) OpenFolder(f capability.Folder) error {
	return o.install(&folder{fdstat: fdstat{filetype: filetypeDirectory}, path: f.GuestPath, granted: true}, nil)
}

// Listen implements capability.Opener.
func (o revokedOpener) Listen(l capability.Listener) error {
	granted := o.process.granted
	granted.listening = append(granted.listening, "")
	return o.socket(l.Name)
}

// Connect implements capability.Opener.
func (o revokedOpener) Connect(c capability.Connection) error { return o.socket(c.Name) }

func (o revokedOpener) socket(name string) error {
	return o.installSocket(name, &revokedSocket{fdstat{filetype: filetypeSocketStream}}, nil)
}

// SetEnv implements capability.Opener.
func (revokedOpener) SetEnv(string, capability.Reference) error { return nil }
