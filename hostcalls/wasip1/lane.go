package wasip1

import (
	"path"
	"strings"
	"sync/atomic"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/abi"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/network"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// granted holds what a process knows of its grants, besides their descriptors.
type granted struct {
	peer      network.Peer
	network   network.Config
	sockets   *network.Network // nil until there is a socket
	mounts    *vfs.Mounts
	folders   []capability.Folder
	unwatch   []func()                 // the wake-ups by revocations
	onOutside func(path string)        // abi.Config.OnOutside
	names     []string                 // of the sockets, in the order of the descriptors
	listening []string                 // addresses
	opened    atomic.Pointer[[]string] // listening, once all grants are open
	sandbox   *abi.Sandbox             // nil outside of one
	heldBytes int64                    // of secrets and connections, before the instance exists

	// The last result of findLane: a guest works on one file for a while.
	target  string
	version int64 // of the mounts
	found   driver.Lane
}

// The lanes of operations that do not wait for a file system.
const (
	laneMounts = "mounts"
	laneSocket = "socket"
)

// laneWithMounts is for files in a granted folder below which other file systems are mounted, since links may
// lead to those. In other folders links cannot lead to another file system, as no path leads out of its folder.
const laneWithMounts = "file among mounts"

// lane returns the lane of the blocking pool for an operation, by what it may wait for. Each file system has a
// lane of its own.
func (p *Process) lane(op hostcalls.Op) driver.Lane {
	if op.Kind != hostcalls.OpFile {
		return driver.Lane{Kind: laneSocket}
	}
	if p.granted.mounts.Stale() {
		p.Driver().Go(driver.Job{
			Run: p.granted.mounts.Read, Tenant: p.Tenant(), Owner: p.Owner(), Lane: driver.Lane{Kind: laneMounts}, Kind: laneMounts, Target: "of the system",
		})
	}
	return p.granted.laneOf(op.Target)
}

// laneOf returns the lane of a path, by its file system.
func (g *granted) laneOf(target string) driver.Lane {
	if version := g.mounts.Version(); version != g.version || target != g.target {
		g.target, g.version, g.found = target, version, g.findLane(target)
	}
	return g.found
}

func (g *granted) findLane(target string) driver.Lane {
	lane := driver.Lane{Kind: hostcalls.OpFile.String(), ID: g.mounts.Device(g.hostPath(target))}
	root := g.root(target)
	if root != nil && g.mounts.Contains(root.HostPath) && g.mounts.Device(root.HostPath) == lane.ID {
		lane.Kind = laneWithMounts
	}
	return lane
}

// tellOutside tells of a path that leads out of its folder.
func (g *granted) tellOutside(path string) {
	if g.onOutside != nil {
		g.onOutside(path)
	}
}

// grant adds a folder.
func (g *granted) grant(d capability.Folder) {
	g.folders = append(g.folders, d)
	g.version = -1 // forget the last result: its path may be in this folder
}

// hostPath returns the host's path for a path of the guest. If several grants contain it, the one with the
// longest path counts.
func (g *granted) hostPath(target string) string {
	found := g.root(target)
	if found == nil {
		return target
	}
	if found.GuestPath == "" || found.GuestPath == "." {
		return path.Join(found.HostPath, target)
	}
	return path.Join(found.HostPath, target[len(found.GuestPath):])
}

// root returns the grant that contains a path, or nil.
func (g *granted) root(target string) (found *capability.Folder) {
	for i := range g.folders {
		root := &g.folders[i]
		if beneath(target, root.GuestPath) && (found == nil || len(found.GuestPath) < len(root.GuestPath)) {
			found = root
		}
	}
	return found
}

func beneath(target, folder string) bool {
	switch folder {
	case "", ".":
		return !strings.HasPrefix(target, "/")
	case "/":
		return strings.HasPrefix(target, "/")
	}
	rest, ok := strings.CutPrefix(target, folder)
	return ok && (rest == "" || rest[0] == '/')
}
