package wasip1

import (
	"path"
	"strings"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/vfs"
)

// granted is what a process keeps of its grants beside their descriptors.
type granted struct {
	mounts    *vfs.Mounts
	folders   []hostcalls.Dir
	listening []string // addresses

	// The last file system that was looked for: a guest works on one file for a while.
	target  string
	version int64 // of the mounts
	device  uint64
}

// The lanes of what does not wait for a file system.
const (
	laneMounts = "mounts"
	laneSocket = "socket"
)

// lane returns in which lane of the blocking pool an operation goes, by what it may have to wait for: each
// file system is a lane of its own.
func (p *Process) lane(op hostcalls.Op) driver.Lane {
	if op.Kind != opFile {
		return driver.Lane{Kind: laneSocket}
	}
	if p.granted.mounts.Stale() {
		p.Driver().Go(driver.Job{
			Run: p.granted.mounts.Read, Owner: p.Owner(), Lane: driver.Lane{Kind: laneMounts}, Kind: laneMounts, Target: "of the system",
		})
	}
	return driver.Lane{Kind: opFile, ID: p.granted.deviceOf(op.Target)}
}

// deviceOf returns the file system of a path.
func (g *granted) deviceOf(target string) uint64 {
	if version := g.mounts.Version(); version != g.version || target != g.target {
		g.target, g.version, g.device = target, version, g.mounts.Device(g.hostPath(target))
	}
	return g.device
}

// grant adds a folder.
func (g *granted) grant(d hostcalls.Dir) {
	g.folders = append(g.folders, d)
	g.version = -1 // what was found may lie in it
}

// hostPath returns the path of the host that a path is of which the guest's owner was told. Where
// several grants would do, the longest is meant.
func (g *granted) hostPath(target string) string {
	var found *hostcalls.Dir
	for i := range g.folders {
		root := &g.folders[i]
		if beneath(target, root.GuestPath) && (found == nil || len(found.GuestPath) < len(root.GuestPath)) {
			found = root
		}
	}
	if found == nil {
		return target
	}
	if found.GuestPath == "" || found.GuestPath == "." {
		return path.Join(found.HostPath, target)
	}
	return path.Join(found.HostPath, target[len(found.GuestPath):])
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
