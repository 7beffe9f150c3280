package wasip1

import (
	"testing"

	"github.com/reactord/reactord/hostcalls"
)

func TestHostPath(t *testing.T) {
	l := granted{folders: []hostcalls.Dir{
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
	root := granted{folders: []hostcalls.Dir{{HostPath: "/srv", GuestPath: "/"}}}
	if got := root.hostPath("/a/b"); got != "/srv/a/b" {
		t.Errorf("beneath a grant of / it is %q", got)
	}
}
