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
			Run: p.granted.mounts.Read, Owner: p.Owner(), Lane: driver.Lane{Kind: laneMounts}, What: "reading the mounts",
		})
	}
	return driver.Lane{Kind: opFile, ID: p.granted.mounts.Device(p.granted.hostPath(op.Target))}
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
