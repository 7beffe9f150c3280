package grant

import (
	"context"
	"fmt"
	pathpkg "path"
	"path/filepath"
	"strings"

	"github.com/reactord/reactord/hostcalls/capability"
	"github.com/reactord/reactord/reactor/internal/retry"
	"github.com/reactord/reactord/reactor/internal/text"
)

// Directory gives the guest a folder of the host.
type Directory struct {
	HostPath  string
	GuestPath string
	ReadOnly  bool
}

// Kind implements Grant.
func (Directory) Kind() string { return "directory" }

// String implements capability.Grant.
func (d Directory) String() string { return fmt.Sprintf("directory %q", d.HostPath) }

// Flag implements Grant.
func (d Directory) Flag() (name, value string) {
	value = d.HostPath + ":" + d.GuestPath
	if d.ReadOnly {
		value += ":ro"
	}
	return "dir", value
}

const maxGuestPathBytes = 4096

func (d Directory) check(v *validation) {
	if !filepath.IsAbs(d.HostPath) || strings.IndexByte(d.HostPath, 0) >= 0 {
		v.add("host_path", "%q is not an absolute path on the daemon's machine", d.HostPath)
	}
	switch {
	case d.GuestPath == "":
		v.add("guest_path", "a name for the guest to see the folder under is required")
	case len(d.GuestPath) > maxGuestPathBytes:
		v.add("guest_path", "%d bytes are more than the %d allowed", len(d.GuestPath), maxGuestPathBytes)
	case pathpkg.Clean(d.GuestPath) != d.GuestPath || strings.HasPrefix(d.GuestPath, ".."):
		v.add("guest_path", "%q is not a plain path: write it without empty, \".\" and \"..\" parts", d.GuestPath)
	default:
		text.CheckCString(v.faults, func() string { return v.path + ".guest_path" }, d.GuestPath)
	}
	v.unique("guest_path", d.GuestPath)
}

func (d Directory) authorize(ctx context.Context, rules Rules, path string) error {
	return lookUp(ctx, rules.LookUp, d.HostPath, fmt.Sprintf("folder %q", d.HostPath), path+".host_path")
}

// Handle implements capability.Grant.
func (Directory) Handle() capability.Handle { return capability.FolderHandle }

// Open implements capability.Grant.
func (d Directory) Open(o capability.Opener) error { return o.OpenFolder(capability.Folder(d)) }

func (Directory) trouble(err error) retry.Trouble { return retry.OfFile(err) }
