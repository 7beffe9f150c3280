package files

import (
	"runtime"
	"testing"

	"github.com/reactord/reactord/executor/driver"
	"github.com/reactord/reactord/hostcalls"
	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/hostcalls/vfs"
)

func TestHostPath(t *testing.T) {
	l := Folders{granted: []capability.Folder{
		{HostPath: "/srv/a", GuestPath: "/data"},
		{HostPath: "/mnt/b", GuestPath: "/data/deep"},
		{HostPath: "/home", GuestPath: "."},
	}}
	for target, want := range map[string]string{
		"/data":           "/srv/a",
		"/data/x/../y":    "/srv/a/y",
		"/data/deeper":    "/srv/a/deeper",
		"/data/deep":      "/mnt/b",
		"/data/deep/file": "/mnt/b/file",
		"file":            "/home/file",
		"/other":          "/other",
	} {
		if got := l.hostPath(target); got != want {
			t.Errorf("hostPath(%q) = %q, want %q", target, got, want)
		}
	}
	root := Folders{granted: []capability.Folder{{HostPath: "/srv", GuestPath: "/"}}}
	if got := root.hostPath("/a/b"); got != "/srv/a/b" {
		t.Errorf("beneath a grant of / it is %q", got)
	}
}

// A link may lead to a file system mounted below its grant, so files next to such mounts have a lane of their own.
func TestLanesAmongMounts(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("mounts are not known")
	}
	mounts := vfs.NewMounts()
	mounts.Read()
	dir := t.TempDir()
	if mounts.Contains(dir) || mounts.Device("/proc") == mounts.Device("/") {
		t.Skip("this system's mounts are unusual")
	}
	g := Folders{mounts: mounts, version: -1, granted: []capability.Folder{
		{HostPath: dir, GuestPath: "/plain"},
		{HostPath: "/", GuestPath: "/all"},
	}}
	for target, want := range map[string]driver.Lane{
		"/plain/x":    {Kind: hostcalls.OpFile.String(), ID: mounts.Device(dir)},
		"/all/x":      {Kind: laneWithMounts, ID: mounts.Device("/")},
		"/all/proc/x": {Kind: hostcalls.OpFile.String(), ID: mounts.Device("/proc")},
	} {
		if got := g.laneOf(target); got != want {
			t.Errorf("the lane of %s is %v, want %v", target, got, want)
		}
	}
}
