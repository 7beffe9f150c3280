package files

import (
	"path"
	"strings"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
	"github.com/reactord/reactord/internal/clip"
)

// Folders are the folders that a process was granted. It is used on the process's fiber.
type Folders struct {
	mounts    *vfs.Mounts
	onOutside func(path string)
	granted   []capability.Folder

	// The last result of findLane: a guest works on one file for a while.
	target  string
	version int64 // of the mounts
	found   driver.Lane
}

// NewFolders makes the Folders of a process. onOutside, unless nil, is called with each path that leads out of its folder.
func NewFolders(mounts *vfs.Mounts, onOutside func(path string)) Folders {
	return Folders{mounts: mounts, onOutside: onOutside}
}

// laneMounts is the lane of reading the system's mounts.
const laneMounts = "mounts"

// laneWithMounts is for files in a granted folder below which other file systems are mounted, since links may
// lead to those. In other folders links cannot lead to another file system, as no path leads out of its folder.
const laneWithMounts = "file among mounts"

// Lane returns the lane of the blocking pool for an operation on a file, by what it may wait for. Each file system has a
// lane of its own.
func (f *Folders) Lane(c *hostcalls.Call, op hostcalls.Op) driver.Lane {
	if f.mounts.Stale() {
		g := c.Guest()
		g.Driver().Go(driver.Job{
			Run: f.mounts.Read, Tenant: c.Tenant(), Owner: g.Owner(), Lane: driver.Lane{Kind: laneMounts}, Kind: laneMounts, Target: "of the system",
		})
	}
	return f.laneOf(op.Target)
}

// laneOf returns the lane of a path, by its file system.
func (f *Folders) laneOf(target string) driver.Lane {
	if version := f.mounts.Version(); version != f.version || target != f.target {
		f.target, f.version, f.found = target, version, f.findLane(target)
	}
	return f.found
}

func (f *Folders) findLane(target string) driver.Lane {
	lane := driver.Lane{Kind: hostcalls.OpFile.String(), ID: f.mounts.Device(f.hostPath(target))}
	root := f.root(target)
	if root != nil && f.mounts.Contains(root.HostPath) && f.mounts.Device(root.HostPath) == lane.ID {
		lane.Kind = laneWithMounts
	}
	return lane
}

// Outside tells of a path that leads out of its folder.
func (f *Folders) Outside(path string) {
	if f.onOutside != nil {
		f.onOutside(path)
	}
}

// Add adds a granted folder.
func (f *Folders) Add(d capability.Folder) {
	f.granted = append(f.granted, d)
	f.version = -1 // forget the last result: its path may be in this folder
}

// hostPath returns the host's path for a path of the guest. If several grants contain it, the one with the
// longest path counts.
func (f *Folders) hostPath(target string) string {
	found := f.root(target)
	if found == nil {
		return target
	}
	if found.GuestPath == "" || found.GuestPath == "." {
		return path.Join(found.HostPath, target)
	}
	return path.Join(found.HostPath, target[len(found.GuestPath):])
}

// root returns the grant that contains a path, or nil.
func (f *Folders) root(target string) (found *capability.Folder) {
	for i := range f.granted {
		root := &f.granted[i]
		if within(target, root.GuestPath) && (found == nil || len(found.GuestPath) < len(root.GuestPath)) {
			found = root
		}
	}
	return found
}

func within(target, folder string) bool {
	switch folder {
	case "", ".":
		return !strings.HasPrefix(target, "/")
	case "/":
		return strings.HasPrefix(target, "/")
	}
	rest, ok := strings.CutPrefix(target, folder)
	return ok && (rest == "" || rest[0] == '/')
}

// maxShownPath bounds the paths that are shown: a guest can make them any length by opening folders within folders.
const maxShownPath = 4095

// Beneath returns the path of a path in a folder, as shown to the guest's owner. It is cut if it is too long.
func Beneath(folder, path string) string {
	switch folder {
	case "", ".":
	case "/":
		path = "/" + path
	default:
		path = folder + "/" + path
	}
	return clip.Text(path, maxShownPath)
}
